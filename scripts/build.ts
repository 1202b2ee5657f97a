/** `npm run build`: src/ to dist/ as JavaScript and declarations, web/ to dist/web as pages. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'

process.chdir(resolve(import.meta.dirname, '..'))
const began = performance.now()
console.log('Building Millrace: the library and its pages.')
rmSync('dist', { recursive: true, force: true })

const [library, pages] = await Promise.all([
  run('tsc', '-p', 'tsconfig.build.json'),
  run('vite', 'build', 'web', '--logLevel', 'warn'),
])
if (library && pages) {
  // npm marks a package's commands as executable when it installs them; in a clone nobody does.
  chmodSync('dist/cli/main.js', 0o755)
  console.log(`Built dist/ in ${((performance.now() - began) / 1000).toFixed(1)} s.`)
} else {
  console.error('The build failed.')
  process.exitCode = 1
}

/** Whether the command, one of node_modules/.bin, succeeded. What it prints is shown. */
async function run(program: string, ...args: string[]): Promise<boolean> {
  const child = spawn(program, args, { stdio: 'inherit' })
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0
}
