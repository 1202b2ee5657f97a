/** `millrace serve --watch`: the same command under `node --watch`, which restarts it when a file changes. */
import { spawn } from 'node:child_process'

/** Runs this process's own command line once more. From here on the process ends with that one. */
export function watch(): void {
  const [, script = '', ...args] = process.argv
  const command = [script, ...args.filter((arg) => arg !== '--watch')]
  const child = spawn(
    process.execPath,
    [...process.execArgv, '--watch', '--watch-preserve-output', ...command],
    {
      stdio: 'inherit',
      env: { ...process.env, MILLRACE_WATCH: '' },
    },
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.once('exit', (code) => process.exit(code ?? 1))
}
