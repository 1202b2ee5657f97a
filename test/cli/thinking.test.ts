/** A service that thinks for longer than a run may be silent, through plain `serve`. The times are scaled down. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { collect } from '../support/collect.ts'
import { upstream } from '../support/upstream.ts'
import type { UpstreamRequest } from '../support/upstream.ts'
import { serve } from './command-line.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Seconds that a run may be silent. */
const SILENCE = 3

/** Thinks for twice as long, giving signs of life or not, and answers. */
async function think({ req, res, body }: UpstreamRequest): Promise<void> {
  if (req.url?.endsWith('/cancel')) return void res.end('{}')
  const breathes = !body.includes('hold your breath')
  let number = 0
  const send = (event: object): void =>
    void res.write(`data: ${JSON.stringify({ ...event, sequence_number: number++ })}\n\n`)
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  send({ type: 'response.created', response: { id: 'resp_1', status: 'in_progress' } })
  for (let breath = 0; breath < 8 * SILENCE && !res.destroyed; breath++) {
    await sleep(250)
    if (!breathes) continue
    if (breath % 2 === 0) res.write(': thinking\n\n')
    else send({ type: 'keepalive' })
  }
  send({ type: 'response.output_text.delta', delta: 'At last' })
  send({ type: 'response.completed', response: { id: 'resp_1', status: 'completed' } })
  res.end()
}

test.each(['foreground', 'background'])(
  'an answer that is long thought about comes, in the %s, and one that nothing is heard of does not',
  async (mode) => {
    const { baseURL, requests } = await upstream((request) => void think(request))
    const { url } = await serve(['--run-silence', String(SILENCE)], {
      environment: { OPENAI_BASE_URL: baseURL, OPENAI_BACKGROUND: mode === 'background' ? '1' : '0' },
    })
    const client = connect(url)
    onTestFinished(() => client.close())
    const [answer, silent] = await Promise.all([
      client.start({ prompt: 'Think!' }, { kind: 'answer' }),
      client.start({ prompt: 'Think, and hold your breath!' }, { kind: 'answer' }),
    ])
    await expect(collect(silent)).rejects.toMatchObject({ code: 'failed', reason: 'silent' })
    expect(await collect(answer)).toEqual(['At last'])
    expect(answer.status).toBe('completed')
    const cancels = requests.filter(({ req }) => req.url?.endsWith('/cancel'))
    expect(cancels).toHaveLength(mode === 'background' ? 1 : 0)
  },
)

test('the log says what the service said, where an operator looks', async () => {
  const { baseURL } = await upstream(({ res }) => {
    res.writeHead(402, { 'content-type': 'application/json', 'x-request-id': 'req_1' })
    res.end('{"error":{"code":402,"message":"Insufficient credits of sk-secret0123456789"}}')
  })
  const running = await serve([], {
    environment: { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: 'a-secret-key' },
  })
  const client = connect(running.url)
  onTestFinished(() => client.close())
  await expect(collect(await client.start({ prompt: 'Hi' }, { kind: 'answer' }))).rejects.toMatchObject({
    reason: 'quota_exhausted',
  })
  const [line] = await running.printed(/^.*"msg":"run failed".*$/m)
  expect(JSON.parse(line)).toMatchObject({
    level: 40,
    reason: 'quota_exhausted',
    detail: 'HTTP 402, request req_1, Insufficient credits of [redacted]',
  })
  expect(running.stdout + running.stderr).not.toMatch(/a-secret-key|sk-secret/)
})
