/** Who a browser's session at Django belongs to, by the recipe of docs/django.md, on a real Daphne. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { HttpError, http } from '../../src/index.ts'
import { serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'

/** Starts the project with the recipe's code; gives its address. */
async function startDjango(python: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-whoami-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [, recipe = ''] =
    /```python\n# whoami\.py\n(.*?)```/s.exec(await readFile('docs/django.md', 'utf8')) ?? []
  await writeFile(join(folder, 'whoami.py'), recipe)
  await copyFile(resolve('test/interop/whoami_project.py'), join(folder, 'whoami_project.py'))
  const { PATH = '' } = process.env
  const daphne = spawn(python, ['-m', 'daphne', '-p', '0', 'whoami_project:application'], {
    cwd: folder,
    env: { PATH, DATABASE: join(folder, 'db.sqlite3'), PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(daphne, 'exit')
  onTestFinished(async () => {
    daphne.kill('SIGKILL')
    await exited
  })
  let said = ''
  for await (const text of daphne.stderr.setEncoding('utf8')) {
    said += text
    const address = /Listening on TCP address (127\.0\.0\.1:\d+)/.exec(said)?.[1]
    if (address !== undefined) {
      daphne.stderr.resume()
      return `http://${address}`
    }
  }
  throw new Error(`Daphne did not start: ${said}`)
}

describeWith(['channels'], 'with a Django project that knows the user', (paths) => {
  test('a view that calls Millrace with its user’s cookie is answered, and Millrace knows the user', async () => {
    const django = await startDjango(paths.channels)
    const authenticate = async (request: Request): Promise<unknown> => {
      const answer = await fetch(`${django}/whoami/`, {
        headers: { cookie: request.headers.get('cookie') ?? '' },
        signal: request.signal,
      })
      if (answer.status === 401) return null
      if (!answer.ok) throw new HttpError('authentication_unavailable')
      return await answer.json()
    }
    await using millrace = await serve({
      routes: [http('/me', (_request, { scope }) => Response.json(scope.user), { authenticate })],
    })
    expect((await fetch(millrace.url('/me'))).status).toBe(401)
    const signedIn = await fetch(`${django}/sign-in/`)
    const cookie = signedIn.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ')
    const me = { id: '1', admin: true }
    expect(await (await fetch(millrace.url('/me'), { headers: { cookie } })).json()).toEqual(me)
    const asked = await fetch(`${django}/ask/?url=${encodeURIComponent(millrace.url('/me'))}`, {
      headers: { cookie },
    })
    expect(await asked.json()).toEqual(me)
    const forged = cookie.replace(/sessionid=./, 'sessionid=_')
    expect((await fetch(millrace.url('/me'), { headers: { cookie: forged } })).status).toBe(401)
  }, 120_000)
})
