/**
 * Millrace on a server that Express owns: `node examples/express/server.ts`, then open the address
 * it prints.
 */
import express from 'express'
import { JsonWebSocketConsumer, http, millrace, websocket } from 'millrace'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

class Countdown extends JsonWebSocketConsumer<{ from: number }> {
  override async receive({ from }: { from: number }): Promise<void> {
    for (let left = from; left >= 0; left--) {
      await this.send({ left })
      await sleep(200, undefined, { signal: this.signal })
    }
  }
}

const app = millrace({
  routes: [websocket('/ws/countdown/', Countdown), http('/hello', () => new Response('From Millrace\n'))],
})

const web = express()
const server = createServer(web)
const attached = app.attach(server)

// Answers Millrace's own HTTP routes and passes everything else on.
web.use(attached.handle)
web.get('/', (_request, response) => {
  response.send('Express answers here; the WebSocket is at /ws/countdown/\n')
})

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  void app.close().then(() => server.close())
})
