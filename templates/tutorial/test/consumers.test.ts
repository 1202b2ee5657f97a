import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocketCommunicator } from 'millrace/testing'
import app from '../app.ts'

after(() => app.close())

async function connected(): Promise<WebSocketCommunicator> {
  const page = new WebSocketCommunicator(app, '/ws/openai/')
  assert.equal((await page.connect()).accepted, true)
  return page
}

test('numbers come one by one, and end when the page leaves', async () => {
  const page = await connected()
  page.sendJson({ message: 'start' })
  assert.deepEqual(await page.receiveJson(), { message: 'Number 0' })
  assert.deepEqual(await page.receiveJson(), { message: 'Number 1' })
  await page.disconnect()
})

test('what is not a start is refused', async () => {
  const page = await connected()
  page.sendJson({ message: 'go' })
  assert.equal((await page.receiveClose()).code, 1008)
})

test('the page is served', async () => {
  const response = await app.fetch(new Request('http://localhost/'))
  assert.match(await response.text(), /id="openaiOutput"/)
})
