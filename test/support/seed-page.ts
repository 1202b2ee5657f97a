/** The page of the tutorial "Streaming with Django", to the letter (its step 3). */
export const SEED_PAGE = `<textarea id="openaiOutput" rows="15"></textarea>
<button onclick="startStreaming()">Start</button>

<script>
    let socket = new WebSocket('ws://' + window.location.host + '/ws/openai/');

    socket.onmessage = function(e) {
        let data = JSON.parse(e.data);
        let message = data['message'];
        document.getElementById('openaiOutput').value += message + '\\n';
    };

    function startStreaming() {
        socket.send(JSON.stringify({
            'message': 'start'
        }));
    }
</script>
`

/** What one click on its button leaves in its textarea. */
export const TEN_NUMBERS: string = Array.from({ length: 10 }, (_, i) => `Number ${i}\n`).join('')
