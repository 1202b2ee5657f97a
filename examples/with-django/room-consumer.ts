import { ChannelError, MessageRefusedError, WebSocketConsumer } from 'millrace'

const ROOM = 'room'

/** Millrace's half of the room; chat/consumers.py is Daphne's. Each has a method for every type. */
export class RoomConsumer extends WebSocketConsumer {
  override readonly groups = [ROOM]

  override async connect(): Promise<void> {
    await this.accept()
    await this.#tell({ welcome: 'Millrace', channel: this.channelName })
  }

  override async receive(frame: string | Uint8Array): Promise<void> {
    if (typeof frame !== 'string') {
      await this.groupSend(ROOM, { type: 'room.picture', by: 'Millrace', picture: frame })
      return
    }
    const { who, message } = requestIn(frame)
    if (who) await this.groupSend(ROOM, { type: 'room.who', reply_to: this.channelName })
    else await this.groupSend(ROOM, { type: 'room.message', by: 'Millrace', message: String(message) })
  }

  async room_message({ by, message }: { by: string; message: string }): Promise<void> {
    await this.#tell({ by, message })
  }

  async room_picture({ by, picture }: { by: string; picture: Uint8Array }): Promise<void> {
    await this.#tell({ by, picture: picture.length })
    await this.send(picture)
  }

  /** Answers the one who asked, whose channel may be in another process and another language. */
  async room_who({ reply_to: channel }: { reply_to: string }): Promise<void> {
    try {
      await this.channels.send(channel, { type: 'room.here', server: 'Millrace' })
    } catch (error) {
      // Too many answered at once; what a handler throws ends its connection.
      if (!(error instanceof ChannelError && error.code === 'channel_full')) throw error
    }
  }

  async room_here({ server }: { server: string }): Promise<void> {
    await this.#tell({ here: server })
  }

  async #tell(frame: object): Promise<void> {
    await this.send(JSON.stringify(frame))
  }
}

/** Whatever a browser sends is checked before it is used; what is refused ends the connection. */
function requestIn(frame: string): { readonly who?: unknown; readonly message?: unknown } {
  try {
    const value = JSON.parse(frame) as unknown
    if (typeof value === 'object' && value !== null && ('who' in value || 'message' in value)) return value
  } catch {}
  throw new MessageRefusedError('Send {"message":"…"}, {"who":true} or the bytes of a picture')
}
