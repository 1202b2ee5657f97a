/**
 * Runs a program under `strace` and reads what it wrote, synced and printed, in order. Of one process and its
 * threads: they share one table of files, and SQLite's calls are made by one of them.
 *
 * The format is that of strace 6: a line a call, `PID name(arguments) = result`, with all text as `\xHH`
 * (-xx). A call during which another thread made one is in two lines, `… <unfinished ...>` and
 * `<... name resumed>…`; it counts from the second one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** All that can change a file or a folder, and what says which file a descriptor is. */
const CALLS = [
  'open,openat,creat,close,dup,dup2,dup3,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync',
  'sync,syncfs,sync_file_range,ftruncate,truncate,fallocate,unlink,unlinkat,rename,renameat,renameat2',
  'link,linkat,symlink,symlinkat,mkdir,mkdirat,rmdir,copy_file_range,sendfile,splice,mmap',
].join(',')

export interface Call {
  readonly name: string
  /** Texts are decoded; numbers and flags stay as strace wrote them. */
  readonly args: readonly (string | Buffer)[]
  readonly result: number
}

/** Runs `command` to its end and writes its trace to `file`. @throws {Error} when either of them fails. */
export async function strace(
  program: string,
  command: readonly string[],
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const flags = ['-f', '-xx', '-s', String(2 ** 20), '-e', `trace=${CALLS}`, '-e', 'signal=none']
  // Seccomp stops the program at these calls only: it runs four times as fast.
  const args = ['--seccomp-bpf', ...flags, '-o', file, ...command]
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], signal })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-10_000)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`The traced program ended with ${code}:\n${said}`)
}

const CALL = /^\d+\s+(?:<\.\.\. )?(\w+)(?:\(| resumed>)/
const RESULT = /\)\s+= (-?\d+|0x[0-9a-f]+|\?)(?: |$)/

/** The calls of a trace, in the order in which they returned. */
export async function* readTrace(file: string): AsyncGenerator<Call> {
  const begun = new Map<string, string>()
  for await (const line of createInterface({ input: createReadStream(file, 'latin1') })) {
    const name = CALL.exec(line)?.[1]
    if (name === undefined) continue
    const thread = line.slice(0, line.indexOf(' '))
    if (line.endsWith('<unfinished ...>')) {
      begun.set(thread, line.slice(0, -'<unfinished ...>'.length))
      continue
    }
    const resumed = line.indexOf(' resumed>')
    const isResumed = line.startsWith('<... ', thread.length + 1) || /^\d+\s+<\.\.\. /.test(line)
    const whole = isResumed ? `${begun.get(thread) ?? ''}${line.slice(resumed + ' resumed>'.length)}` : line
    if (isResumed) begun.delete(thread)
    const end = RESULT.exec(whole)
    // A process that ends leaves calls that never return.
    if (!end || end[1] === '?') continue
    const args = whole.slice(whole.indexOf('(') + 1, end.index)
    yield { name, args: splitArguments(args), result: Number(end[1]) }
  }
}

/** `3, "\x61", 1, 0` -> ['3', <Buffer 61>, '1', '0']. Escaped text holds no comma and no quote. */
function splitArguments(text: string): (string | Buffer)[] {
  return text.split(/, (?![^[]*\])/).map((given) => {
    // The last one of a call in two lines has a space behind it.
    const argument = given.trim()
    const quoted = /^"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?$/.exec(argument)
    if (!quoted) return argument
    if (quoted[2]) throw new Error('The trace was cut: a call wrote more than strace was told to keep')
    return Buffer.from((quoted[1] ?? '').replaceAll(String.raw`\x`, ''), 'hex')
  })
}
