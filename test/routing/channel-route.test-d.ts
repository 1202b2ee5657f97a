/** Checked by the compiler: what is a consumer of a channel, and what is one of a connection. */
import { ChannelConsumer, WebSocketConsumer, channel, millrace, router, websocket } from 'millrace'

class Thumbnails extends ChannelConsumer {
  async thumbnail_make({ id }: { id: string }): Promise<void> {
    await this.groupSend('all', { type: 'thumbnail.made', id })
  }
}
class Connection extends WebSocketConsumer {}

millrace({ routes: [channel('thumbnails', Thumbnails), websocket('/', Connection)] })

// @ts-expect-error a consumer of connections serves no channel
channel('thumbnails', Connection)

// @ts-expect-error and one of channels no connection
websocket('/', Thumbnails)

// @ts-expect-error a channel has no path, and nothing to do in a router
router('/x', [channel('thumbnails', Thumbnails)])
