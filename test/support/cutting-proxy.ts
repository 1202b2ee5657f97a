/** A way to a server that breaks: passes TCP connections on, and destroys those that it is told to. */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

export interface CuttingProxy {
  readonly port: number
  readonly connections: number
  /** Destroys the connection of this index, both sides of it. */
  cut(index: number): void
  close(): Promise<void>
}

export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  const open: Socket[] = []
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    open.push(client)
    const end = (): void => {
      const index = open.indexOf(client)
      if (index >= 0) open.splice(index, 1)
      client.destroy()
      upstream.destroy()
    }
    client.on('error', end).on('close', end)
    upstream.on('error', end).on('close', end)
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return open.length
    },
    cut: (index) => void open[index]?.destroy(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}
