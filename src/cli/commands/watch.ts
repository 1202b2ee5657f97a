/**
 * `millrace serve --watch`: the same command in a process of its own, which is replaced when a file that it
 * loaded changes.
 *
 * Folders are watched, not files: editors save by renaming a new file over the old one, and a watch of the
 * old one sees that once.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { type FSWatcher, watch as watchFolder } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { CommandError } from '../command-error.ts'
import { ENV_FILE, inheritedEnvironment } from '../env-file.ts'
import { CAN_TELL, LOADED_FILES_VARIABLE, loadedFile } from '../loading/loaded-files.ts'
import { hasTerminal } from '../workers/terminal.ts'

/** Milliseconds from the first change to the restart: a save of several files is one. */
const DELAY = 100

/**
 * Runs this process's own command line once more, until this process is told to end.
 *
 * @throws {CommandError} for a Node that cannot say what it loads.
 */
export function watch(say: (line: string) => void): void {
  if (!CAN_TELL) throw new CommandError('--watch needs Node 22.15 or later')
  const watched = new WatchedProcess(say)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => watched.end(signal))
}

class WatchedProcess {
  readonly #say: (line: string) => void
  readonly #folders = new Map<string, { readonly watcher: FSWatcher; readonly names: Set<string> }>()
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #isEnding = false
  #isStale = false

  constructor(say: (line: string) => void) {
    this.#say = say
    this.#start()
  }

  /** Hands the signal on; without a process to hand it to, this one ends. */
  end(signal: NodeJS.Signals): void {
    this.#isEnding = true
    clearTimeout(this.#timer)
    // A terminal has told the other process itself, and a second signal would cut it short.
    if (!this.#child) process.exit(0)
    else if (signal === 'SIGTERM' || !hasTerminal()) this.#child.kill(signal)
  }

  #start(): void {
    const [, script = '', ...args] = process.argv
    this.#isStale = false
    this.#child = fork(
      script,
      args.filter((arg) => arg !== '--watch'),
      { env: { ...inheritedEnvironment(), MILLRACE_WATCH: '', [LOADED_FILES_VARIABLE]: '1' } },
    )
    this.#child.on('message', (message) => {
      const path = loadedFile(message)
      if (path === undefined) return
      this.#add(path)
      this.#add(resolve(ENV_FILE))
    })
    this.#child.once('exit', (code) => this.#exited(code))
  }

  #exited(code: number | null): void {
    this.#child = undefined
    if (this.#isEnding || this.#folders.size === 0) process.exit(code ?? 1)
    if (this.#isStale) this.#start()
    else this.#say('Waiting for a change of its files')
  }

  #add(path: string): void {
    const [folder, name] = [dirname(path), basename(path)]
    const known = this.#folders.get(folder)
    if (known) {
      known.names.add(name)
      return
    }
    try {
      const names = new Set([name])
      const watcher = watchFolder(folder, (_event, changed) => {
        if (changed === null || names.has(changed)) this.#note(changed ?? name)
      })
      watcher.on('error', () => this.#folders.delete(folder))
      this.#folders.set(folder, { watcher, names })
    } catch {
      // A module that was not found in a folder that does not exist: the file that imports it is watched.
    }
  }

  #note(name: string): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (this.#isEnding || this.#isStale) return
      this.#say(`${name} changed: restarting`)
      this.#isStale = true
      if (this.#child) this.#child.kill('SIGTERM')
      else this.#start()
    }, DELAY)
  }
}
