import { http, millrace, websocket } from 'millrace'
import { ChatConsumer } from './chat-consumer.ts'
import { page } from './pages.ts'

export default millrace({
  routes: [
    http('/', page('index.html')),
    http('/chat.js', page('chat.js')),
    http('/style.css', page('style.css')),
    websocket('/ws/chat/:room{slug}/', ChatConsumer),
  ],
})
