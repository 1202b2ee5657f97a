import { describe, expect, test } from 'vitest'
import { CommandError } from '../../src/cli/command-error.ts'
import { listen } from '../../src/cli/listen.ts'
import type { RunningServer } from '../../src/server/listening/listener.ts'
import type { ListenOptions } from '../../src/server/options.ts'
import { StartError } from '../../src/server/listening/start-error.ts'

const running = {} as RunningServer

function failing(error: unknown): { listen: () => Promise<RunningServer> } {
  return {
    listen() {
      throw error
    },
  }
}

/** An application without authentication, bound beyond this machine. */
const anonymous = {
  listen(options: ListenOptions = {}): Promise<RunningServer> {
    if (!options.allowAnonymous) throw new StartError('anonymous_refused', 'Without authentication')
    return Promise.resolve(running)
  },
}

describe('listening', () => {
  test('says when it opened an application to anybody', async () => {
    expect(await listen(anonymous, { allowAnonymous: true })).toEqual({ running, isOpen: true })
  })

  test('does not warn of what stays on this machine, or asks who comes', async () => {
    const guarded = { listen: () => Promise.resolve(running) }
    expect(await listen(guarded, { allowAnonymous: true })).toEqual({ running, isOpen: false })
  })

  test.each<[StartError['code'], ListenOptions, string]>([
    ['anonymous_refused', {}, 'no; --allow-anonymous does the latter'],
    ['address_in_use', {}, 'no; choose another port with --port, or 0 for any that is free'],
    ['address_in_use', { unixSocket: 'x' }, 'no'],
    ['address_unavailable', {}, 'no; name one that is with --bind'],
    ['permission_denied', { port: 80 }, 'no; ports below 1024 take privileges; choose another with --port'],
    ['permission_denied', { unixSocket: 'x' }, 'no'],
    ['bad_certificate', {}, 'no'],
  ])('says what to do about %s with %j', async (code, options, message) => {
    const cause = new StartError(code, 'no')
    await expect(listen(failing(cause), options)).rejects.toThrow(new CommandError(message))
    // The application may come from another copy of Millrace, whose StartError is another class.
    const foreign = Object.assign(new Error('no'), { name: 'StartError', code })
    await expect(listen(failing(foreign), options)).rejects.toThrow(new CommandError(message))
  })

  test('turns whatever else went wrong into one line', async () => {
    await expect(listen(failing(new RangeError('one\n  two')), {})).rejects.toThrow(
      new CommandError('one two'),
    )
    await expect(listen(failing('text'), {})).rejects.toThrow(new CommandError('text'))
  })
})
