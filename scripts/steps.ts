/**
 * Runs the steps of a check side by side and tells of each in one line; of a failed one, everything it said.
 * A step starts when those it comes after have succeeded, and is passed over when one of them has not.
 */
import { spawn } from 'node:child_process'
import process from 'node:process'
import { stripVTControlCharacters } from 'node:util'

export interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** Steps that must have succeeded before; each stands earlier in the list. */
  readonly after?: readonly string[]
  /** Asked once the step has ended, for the end of its line. */
  readonly remark?: () => string | undefined
}

export interface StepOutcome {
  readonly name: string
  readonly status: 'passed' | 'failed' | 'not run'
  readonly seconds: number
  /** What a step printed; of one that was not run, the step it waited for. */
  readonly output: string
}

export interface RunOptions {
  /** How many steps run at the same time. */
  readonly width: number
  /** Ends what runs; those steps count as failed. */
  readonly signal: AbortSignal
  readonly print: (line: string) => void
  /** Told which steps run, whenever that changes. */
  readonly onRunning?: (names: readonly string[]) => void
  /** Added to the environment of every step. */
  readonly env?: Readonly<Record<string, string>>
}

export async function runSteps(steps: readonly Step[], options: RunOptions): Promise<StepOutcome[]> {
  const outcomes = new Map<string, StepOutcome>()
  const running = new Map<string, Promise<void>>()
  const waiting = new Set(steps)
  const nameWidth = Math.max(...steps.map((step) => step.name.length))

  const conclude = (step: Step, outcome: StepOutcome): void => {
    outcomes.set(step.name, outcome)
    options.print(describe(step, outcome, nameWidth))
  }

  while (waiting.size > 0 || running.size > 0) {
    for (const step of waiting) {
      const before = (step.after ?? []).map((name) => outcomes.get(name))
      const blocker = before.find((outcome) => outcome && outcome.status !== 'passed')
      if (blocker) {
        waiting.delete(step)
        conclude(step, { name: step.name, status: 'not run', seconds: 0, output: blocker.name })
      } else if (running.size < options.width && before.every((outcome) => outcome)) {
        waiting.delete(step)
        const ended = execute(step, options).then((outcome) => {
          running.delete(step.name)
          conclude(step, outcome)
        })
        running.set(step.name, ended)
      }
    }
    options.onRunning?.([...running.keys()])
    if (running.size > 0) await Promise.race(running.values())
  }
  return steps.flatMap((step) => outcomes.get(step.name) ?? [])
}

/** Runs a step's command. Never rejects: what goes wrong is the outcome. */
async function execute(step: Step, { env, signal }: RunOptions): Promise<StepOutcome> {
  const [program, ...args] = step.command
  const began = performance.now()
  const output: Buffer[] = []
  const status = await new Promise<StepOutcome['status']>((resolve) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
    child.once('error', (error) => {
      output.push(Buffer.from(`${program}: ${error.message}\n`))
      resolve('failed')
    })
    child.once('close', (code) => {
      resolve(code === 0 ? 'passed' : 'failed')
    })
  })
  const seconds = (performance.now() - began) / 1000
  return {
    name: step.name,
    status,
    seconds,
    output: stripVTControlCharacters(Buffer.concat(output).toString('utf8')),
  }
}

function describe(step: Step, outcome: StepOutcome, nameWidth: number): string {
  const name = step.name.padEnd(nameWidth)
  if (outcome.status === 'not run') return `- ${name}      not run: '${outcome.output}' has to succeed first`
  const mark = outcome.status === 'passed' ? '✓' : '✗'
  const line =
    `${mark} ${name} ${outcome.seconds.toFixed(1).padStart(6)} s  ${step.remark?.() ?? ''}`.trimEnd()
  if (outcome.status === 'passed') return line
  const said = outcome.output.trimEnd().replaceAll(/^/gm, '    ')
  return `${line}\n\n    $ ${step.command.join(' ')}\n${said}\n`
}
