import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { http } from '../../../src/index.ts'
import { serve } from '../../support/server.ts'

const routes = [http('/', () => new Response('here'))]

async function socketPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-socket-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'app.sock')
}

/** What the umask leaves. */
async function modeOfNewFile(path: string): Promise<number> {
  await writeFile(path, '')
  return (await stat(path)).mode
}

it.each([0o600, 0o660, 0o666])('a unix socket has the permissions that were asked for: %o', async (mode) => {
  const unixSocket = await socketPath()
  const before = await modeOfNewFile(`${unixSocket}.before`)
  const group = String(process.getgid?.() ?? 0)
  await using _server = await serve({ routes }, { unixSocket, unixSocketMode: mode, unixSocketGroup: group })
  const { mode: found, gid } = await stat(unixSocket)
  expect([found & 0o777, String(gid)]).toEqual([mode, group])
  expect(await modeOfNewFile(`${unixSocket}.after`)).toBe(before)
})

it('a group that there is not is said, and nothing is left listening', async () => {
  const unixSocket = await socketPath()
  const options = { unixSocket, unixSocketGroup: 'no-such-group' }
  await expect(serve({ routes }, options)).rejects.toThrow(/there is no group "no-such-group"/)
  await using _again = await serve({ routes }, { unixSocket })
})
