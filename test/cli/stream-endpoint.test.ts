/** The endpoint to the streams of what may be no Millrace server. */
import { once } from 'node:events'
import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CommandError } from '../../src/cli/command-error.ts'
import { StreamEndpoint } from '../../src/cli/stream-endpoint.ts'

/** A endpoint to a server that answers all requests alike. */
async function doorTo(answer: (response: ServerResponse) => void): Promise<StreamEndpoint> {
  const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return new StreamEndpoint({ url: `http://127.0.0.1:${port}/streams`, headers: [] })
}

const answering =
  (type: string, text: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(200, { 'content-type': type, ...headers }).end(text)

const REQUESTS: Readonly<Record<string, (endpoint: StreamEndpoint) => Promise<unknown>>> = {
  list: (endpoint) => Array.fromAsync(endpoint.list('')),
  read: (endpoint) => endpoint.read('s', 'start'),
  stop: (endpoint) => endpoint.stop('s'),
  delete: (endpoint) => endpoint.delete('s'),
}

async function refused(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof CommandError) return error.message
  throw new Error('It was not refused', { cause: error })
}

describe.each(Object.entries(REQUESTS))('%s', (_name, ask) => {
  it.each([
    ['{"status":"ok"}', 'application/json'],
    ['null', 'application/json'],
    ['[]', 'application/json'],
    ['{"streams":[{"id":"s"}],"status":1}', 'application/json'],
    ['{"streams":[],"next":1}', 'application/json'],
    ['{', 'application/json'],
    ['<html>', 'text/html'],
  ])('takes %s for no answer of a Millrace server', async (text, type) => {
    const endpoint = await doorTo(answering(type, text))
    expect(await refused(ask(endpoint))).toBe(
      `${endpoint.base} gave no answer of a Millrace server; --url says where one is`,
    )
  })

  it('says that an answer was cut off', async () => {
    const endpoint = await doorTo((response) => {
      const headers = { 'content-type': 'application/json', 'content-length': 100 }
      response.writeHead(200, headers).write('[', () => response.destroy())
    })
    expect(await refused(ask(endpoint))).toMatch(/^http:\S+ does not answer \(\w+\); --url says where/)
  })
})

it('takes no records out of what is no array of them', async () => {
  const headers = { 'stream-next-offset': '0000000000000002_k3j9x2a1bc' }
  const endpoint = await doorTo(answering('application/json', '{}', headers))
  expect(await refused(endpoint.read('s', 'start'))).toMatch(/gave no answer of a Millrace server/)
})
