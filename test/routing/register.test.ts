import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** What an application declares once, which would type every other file of this project's tests. */
const APPLICATION = `
import { WebSocketConsumer, millrace, websocket } from 'millrace'

declare module 'millrace' {
  interface Register { user: { readonly name: string } }
}

class Greeter extends WebSocketConsumer {
  override async connect(): Promise<void> {
    await this.accept()
    await this.send(this.scope.user?.name ?? 'nobody')
    // @ts-expect-error users have no such field
    await this.send(this.scope.user?.age)
  }
}

millrace({ routes: [websocket('/', Greeter)], authenticate: () => ({ name: 'Ann' }) })
millrace({ authenticate: () => null })
millrace({ authenticate: (request) => request.headers.has('cookie') && { name: 'Ann' } })
// @ts-expect-error not a user
millrace({ authenticate: () => ({ age: 7 }) })
`

it('Register types scope.user and what authenticate returns', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-register-'))
  try {
    const paths = { millrace: [resolve('src/index.ts')] }
    const config = {
      extends: resolve('tsconfig.base.json'),
      compilerOptions: { noEmit: true, paths },
      include: ['app.ts'],
    }
    await symlink(resolve('node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    await writeFile(join(folder, 'app.ts'), APPLICATION)
    const run = promisify(execFile)('tsc', ['-p', folder]).catch(
      (error: unknown) => error as { stdout: string },
    )
    expect((await run).stdout).toBe('')
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)
