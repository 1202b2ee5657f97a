import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { redisChannels } from '../../../src/channels/redis/queues/open.ts'
import { RedisServer } from '../../support/redis.ts'
import { describeWith } from '../../support/services.ts'
import { type CommandLine, folderWith, millrace, startMillrace } from '../command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

/** Answers, fails, and takes its time until a file is there. */
const APP = `import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChannelConsumer, channel, layerFromEnvironment, millrace } from 'millrace'

class Thumbnails extends ChannelConsumer {
  async thumbnail_make({ id, reply }) {
    await this.channels.send(reply, { type: 'made', id, by: process.pid, on: this.channel })
  }
  fail() {
    throw new Error('no picture')
  }
  async wait({ reply }) {
    console.log('waiting')
    while (!existsSync('go')) await sleep(20, undefined, { signal: this.signal })
    await this.channels.send(reply, { type: 'waited' })
  }
}

export default millrace({
  channels: layerFromEnvironment(),
  routes: [channel('thumbnails', Thumbnails), channel('mail', Thumbnails)],
})
`

describeWith(['redis'], 'millrace worker, on a Redis', (paths) => {
  async function world(): Promise<{
    readonly url: string
    readonly folder: string
    readonly layer: ReturnType<typeof redisChannels>
    readonly start: (...args: readonly string[]) => Promise<CommandLine>
  }> {
    const redis = await RedisServer.start(paths['redis'])
    onTestFinished(() => redis.stop())
    const url = `redis://127.0.0.1:${redis.port}/0`
    const layer = redisChannels({ url })
    onTestFinished(() => layer.close())
    const folder = await folderWith({ 'app.ts': APP })
    const start = async (...args: readonly string[]): Promise<CommandLine> => {
      const running = startMillrace(['worker', ...args], { folder, environment: { REDIS_URL: url } })
      await running.printed(/is working for app\.ts on the channel/)
      return running
    }
    return { url, folder, layer, start }
  }

  test('serves a channel from another process, and goes on after what fails', async () => {
    const { layer, start } = await world()
    const running = await start('app.ts', 'thumbnails')
    expect(running.stdout).toMatch(/is working for app\.ts on the channel thumbnails"/)
    const reply = layer.newChannel()
    await layer.send('thumbnails', { type: 'fail' })
    await layer.send('thumbnails', { type: 'unheard.of' })
    await layer.send('thumbnails', { type: 'thumbnail.make', id: 7, reply })
    expect(await layer.receive(reply)).toEqual({
      type: 'made',
      id: 7,
      by: running.child.pid,
      on: 'thumbnails',
    })
    await running.printed(/no picture.*channel consumer failed; its message is lost/)
    await running.printed(/no method \\"unheard_of\\".*channel message refused: no handler for its type/)
    running.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  })

  test('shares the messages of a channel with other workers, whatever the order of its words', async () => {
    const { layer, start } = await world()
    const workers = await Promise.all([
      start('thumbnails', 'app.ts'),
      start('app.ts'),
      start('app.ts', 'mail'),
    ])
    expect(workers[1]?.stdout).toContain('on the channels thumbnails, mail')
    const reply = layer.newChannel()
    for (let id = 0; id < 60; id++) await layer.send('thumbnails', { type: 'thumbnail.make', id, reply })
    const answers = []
    while (answers.length < 60) answers.push(await layer.receive(reply))
    expect(answers.map(({ id }) => Number(id)).toSorted((a, b) => a - b)).toEqual([...Array(60).keys()])
    // One that serves another channel has none of them.
    expect(answers.map(({ by }) => by)).not.toContain(workers[2]?.child.pid)
  })

  test('finishes the message in hand when it is told to stop, and leaves the next', async () => {
    const { layer, start, folder } = await world()
    const running = await start('app.ts', 'thumbnails')
    const reply = layer.newChannel()
    await layer.send('thumbnails', { type: 'wait', reply })
    await running.printed(/waiting/)
    await layer.send('thumbnails', { type: 'thumbnail.make', id: 2, reply })
    running.kill('SIGTERM')
    await running.printed(/Shutting down/)
    await writeFile(join(folder, 'go'), '')
    expect(await layer.receive(reply)).toEqual({ type: 'waited' })
    expect((await running.ended).code).toBe(0)
    expect(await layer.receive('thumbnails')).toMatchObject({ id: 2 })
  })

  test('cuts it when the time is over', async () => {
    const { layer, start, folder } = await world()
    const running = await start('app.ts', '--application-close-timeout', '0.1')
    await layer.send('mail', { type: 'wait', reply: layer.newChannel() })
    await running.printed(/waiting/)
    running.kill('SIGTERM')
    const { code, stdout } = await running.ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/"channel":"mail","type":"wait".*aborting the current message/)
    expect(existsSync(join(folder, 'go'))).toBe(false)
  })
})

describe('a worker that cannot work is one line', () => {
  const routes = (text: string): string => `import { ChannelConsumer, channel, millrace } from 'millrace'
class Plain extends ChannelConsumer {}
export default millrace({ channels: { ...millrace().channels, isLocal: false, close() {} }, routes: [${text}] })`

  test.each<[string, readonly string[], string, number, string]>([
    [
      'for a channel layer inside the process',
      ['app.ts'],
      `import { millrace } from 'millrace'\nexport default millrace()`,
      1,
      'the channel layer of app.ts is inside its process, where nobody else could send to this worker: share one, with channels: layerFromEnvironment() in the application and --channel-layer redis://…',
    ],
    [
      'for a channel without a consumer',
      ['app.ts', 'c'],
      routes(`channel('a', Plain), channel('b', Plain)`),
      1,
      'app.ts: no consumer serves the channel "c"; the channels with a consumer are a, b',
    ],
    [
      'for an application without channels',
      ['app.ts'],
      routes(''),
      1,
      'app.ts: no channel has a consumer: put channel(name, Consumer) among the routes',
    ],
    ['for a file that does not exist', ['gone.ts', 'a'], '', 1, 'gone.ts does not exist'],
    [
      'without a file',
      ['thumbnails'],
      '',
      2,
      'name the file of the application, too: millrace worker app.ts thumbnails',
    ],
    ['with two', ['a.ts', 'b.ts'], '', 2, 'a worker takes one file, and a.ts and b.ts are two'],
    [
      'with a count that is none',
      ['app.ts', '--concurrency', '0'],
      '',
      2,
      '--concurrency is "0"; it takes a whole number from 1 to 10000',
    ],
    [
      'for a layer that is none',
      ['app.ts', '--channel-layer', 'postgres://user:hunter2@host'],
      '',
      2,
      '--channel-layer is "postgres://…@host"; it takes memory:, or a Redis as redis://host:6379/0, rediss:// for TLS',
    ],
  ])('%s', async (_what, args, app, code, line) => {
    const folder = await folderWith({ 'app.ts': app })
    expect(await millrace(['worker', ...args], { folder })).toEqual({
      code,
      stdout: '',
      stderr: `millrace: ${line}\n`,
    })
  })
})
