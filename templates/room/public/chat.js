// Open the page twice to talk to yourself; #cellar at the end of the address is another room.
const room = /^#([-\w]{1,40})$/.exec(location.hash)?.[1] ?? 'lobby'
const state = document.querySelector('#state')
const messages = document.querySelector('#messages')
const composer = document.querySelector('#composer')
const text = document.querySelector('#text')
const recite = document.querySelector('#recite')

let socket
let name = ''
let poem
let failures = 0

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  socket = new WebSocket(`${scheme}//${location.host}/ws/chat/${room}/`)
  socket.onopen = () => {
    failures = 0
  }
  socket.onmessage = (event) => show(JSON.parse(event.data))
  socket.onclose = () => {
    state.textContent = 'reconnecting'
    state.dataset.online = 'no'
    recite.disabled = false
    poem = undefined
    // Longer after each failure, and not all pages at the same moment.
    setTimeout(connect, Math.min(10_000, 500 * 2 ** failures++) * (0.5 + Math.random() / 2))
  }
}

function show(message) {
  switch (message.type) {
    case 'welcome':
      name = message.name
      state.textContent = `${name} in ${message.room}`
      state.dataset.online = 'yes'
      break
    case 'said':
      add(message.name, message.text)
      break
    case 'word':
      poem ??= add('the river', '')
      poem.textContent += `${message.text} `
      scroll()
      if (!message.last) break
      poem = undefined
      recite.disabled = false
  }
}

// textContent, never innerHTML: what somebody else wrote must not become part of this page.
function add(from, words) {
  const item = document.createElement('li')
  const author = document.createElement('b')
  const body = document.createElement('span')
  author.textContent = from
  body.textContent = words
  item.className = from === name ? 'own' : ''
  item.append(author, body)
  messages.append(item)
  scroll()
  return body
}

function scroll() {
  messages.lastElementChild?.scrollIntoView({ block: 'end' })
}

function send(message) {
  if (socket.readyState !== WebSocket.OPEN) return false
  socket.send(JSON.stringify(message))
  return true
}

composer.addEventListener('submit', (event) => {
  event.preventDefault()
  if (text.value.trim() !== '' && send({ type: 'say', text: text.value })) text.value = ''
})
recite.addEventListener('click', () => {
  if (send({ type: 'recite' })) recite.disabled = true
})
addEventListener('hashchange', () => location.reload())

connect()
