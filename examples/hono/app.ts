/** HTTP by Hono, WebSockets by Millrace, one server: `npx millrace serve examples/hono/app.ts`. */
import { Hono } from 'hono'
import { createHash } from 'node:crypto'
import { JsonWebSocketConsumer, millrace, websocket } from 'millrace'

const api = new Hono()
api.get('/', (context) => context.text('Hono answers here; the WebSocket is at /ws/rooms/:room/\n'))
api.get('/api/time', (context) => context.json({ now: new Date().toISOString() }))

/** Names of groups are short and of few characters; those of rooms are what people type. */
function groupOf(room: string): string {
  return `room.${createHash('sha256').update(room).digest('base64url')}`
}

class Room extends JsonWebSocketConsumer<{ text: string }, unknown, { room: string }> {
  override readonly groups = [groupOf(this.scope.params.room)]

  override async receive({ text }: { text: string }): Promise<void> {
    await this.groupSend(groupOf(this.scope.params.room), { type: 'room.said', text })
  }

  async room_said({ text }: { text: string }): Promise<void> {
    await this.send({ text })
  }
}

export default millrace({ routes: [websocket('/ws/rooms/:room/', Room)], fetch: api.fetch })
