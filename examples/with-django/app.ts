/** One room on two servers: this one, and Daphne with the Django project beside it. README.md runs them. */
import { http, millrace, websocket } from 'millrace'
import { redisChannels } from 'millrace/redis'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { RoomConsumer } from './room-consumer.ts'

const { REDIS_URL = 'redis://localhost:6379', CHANNEL_SECRET } = process.env
const page = new URL('room.html', import.meta.url)
const html = { 'content-type': 'text/html; charset=utf-8' }

export default millrace({
  // What the Django project has as CHANNEL_LAYERS: the same Redis, the same secrets.
  channels: redisChannels({
    url: REDIS_URL,
    encryptionKeys: CHANNEL_SECRET ? [CHANNEL_SECRET] : undefined,
  }),
  routes: [
    http('/', async () => new Response(await readFile(page), { headers: html })),
    websocket('/ws/room/', RoomConsumer),
  ],
})
