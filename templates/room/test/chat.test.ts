import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocketCommunicator } from 'millrace/testing'
import app from '../app.ts'
import type { ServerMessage } from '../chat-consumer.ts'

after(() => app.close())

/** Connects without a network, and gives the name that the chat chose. */
async function enter(room: string): Promise<{ person: WebSocketCommunicator; name: string }> {
  const person = new WebSocketCommunicator(app, `/ws/chat/${room}/`)
  assert.equal((await person.connect()).accepted, true)
  const welcome = (await person.receiveJson()) as ServerMessage
  assert.equal(welcome.type, 'welcome')
  return { person, name: welcome.type === 'welcome' ? welcome.name : '' }
}

test('everybody in a room hears what is said there, and nobody elsewhere', async () => {
  const ada = await enter('lobby')
  const ben = await enter('lobby')
  const cleo = await enter('cellar')

  ada.person.sendJson({ type: 'say', text: 'hello' })

  const said = { type: 'said', name: ada.name, text: 'hello' }
  assert.deepEqual(await ada.person.receiveJson(), said)
  assert.deepEqual(await ben.person.receiveJson(), said)
  assert.equal(await cleo.person.receiveNothing(), true)
  await Promise.all([ada, ben, cleo].map(({ person }) => person.disconnect()))
})

test('a poem arrives word by word, and stops when its listener leaves', async () => {
  const { person } = await enter('lobby')
  person.sendJson({ type: 'recite' })
  assert.deepEqual(await person.receiveJson(), { type: 'word', text: 'The', last: false })
  assert.deepEqual(await person.receiveJson(), { type: 'word', text: 'river', last: false })
  // Resolves when the consumer has ended: well before the poem would.
  await person.disconnect()
})

test('what is not a chat message is refused', async () => {
  const { person } = await enter('lobby')
  person.sendJson({ type: 'shout' })
  assert.equal((await person.receiveClose()).code, 1008)
})

test('a room name that is none is refused', async () => {
  const person = new WebSocketCommunicator(app, `/ws/chat/${'x'.repeat(41)}/`)
  const result = await person.connect()
  assert.equal(result.accepted, false)
  if (!result.accepted) assert.equal(result.status, 403)
})

test('the page is served', async () => {
  const response = await app.fetch(new Request('http://localhost/'))
  assert.equal(response.status, 200)
  assert.match(await response.text(), /<title>/)
})
