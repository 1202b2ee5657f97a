/** Millrace beside the routes of a plain node:http server: `node examples/plain-http/server.ts`. */
import { WebSocketConsumer, millrace, websocket } from 'millrace'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

class Echo extends WebSocketConsumer {
  override async receive(message: string | Uint8Array): Promise<void> {
    await this.send(message)
  }
}

const app = millrace({ routes: [websocket('/ws/echo/', Echo)] })

const server = createServer((_request, response) => {
  response.end('node:http answers here; the WebSocket is at /ws/echo/\n')
})
app.attach(server)

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  void app.close().then(() => server.close())
})
