/**
 * A process of its own with a layer on Redis, for tests that kill one. Arguments: URL, prefix, role.
 * It prints a line when it is ready, and one per message.
 */
import process from 'node:process'
import { redisChannels } from '../../../src/channels/redis/queues/open.ts'

const [url, prefix, role, to] = process.argv.slice(2)
const layer = redisChannels({ url, prefix, capacity: 100_000 })

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

switch (role) {
  /** Receives from the channel `work` until it is killed. */
  case 'receive':
    say('ready')
    for (;;) say(JSON.stringify((await layer.receive('work'))['n']))
  /** Is a member of `group`, and says what it gets. */
  case 'member': {
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    say(channel)
    for (;;) say((await layer.receive(channel)).type)
  }
  /** Sends numbers, by turns directly and to the group, and ends by itself. */
  case 'send':
    for (let n = 0; n < 2000; n++) {
      if (n % 10 === 0) await layer.groupSend('group', { type: 'test', n })
      else if (n % 10 < 5) await layer.send(to as string, { type: 'test', n })
      else void layer.send(to as string, { type: 'test', n })
      if (n % 10 === 9) await layer.send('nobody', { type: 'pause' })
    }
    say('sent')
    await layer.close()
    break
  default:
    throw new Error(`no role ${role}`)
}
