import process from 'node:process'
import { describe, expect, it } from 'vitest'
import { runSteps } from '../../scripts/steps.ts'
import type { Step, StepOutcome } from '../../scripts/steps.ts'

function node(name: string, code: string, rest: Partial<Step> = {}): Step {
  return { name, command: [process.execPath, '-e', code], ...rest }
}

async function run(
  steps: readonly Step[],
  options: { width?: number; signal?: AbortSignal; onRunning?: (names: readonly string[]) => void } = {},
): Promise<{ outcomes: StepOutcome[]; printed: string }> {
  const lines: string[] = []
  const outcomes = await runSteps(steps, {
    width: 2,
    signal: new AbortController().signal,
    env: { COLOUR: 'green' },
    print: (line) => void lines.push(line),
    ...options,
  })
  return { outcomes, printed: lines.join('\n').replaceAll(/\d+\.\d s/g, '0.0 s') }
}

describe('runSteps', () => {
  it('gives a passed step one line, and keeps what it said to itself', async () => {
    const { outcomes, printed } = await run([
      node('lint', `console.log('noise')`, { remark: () => '7 files' }),
    ])
    expect(outcomes).toMatchObject([{ name: 'lint', status: 'passed', output: 'noise\n' }])
    expect(printed).toBe('✓ lint    0.0 s  7 files')
  })

  it('prints all that a failed step said on either stream, and its command', async () => {
    const { outcomes, printed } = await run([
      node('lint', `console.log('line one'); console.error('line two'); process.exitCode = 3`),
    ])
    expect(outcomes).toMatchObject([{ status: 'failed' }])
    expect(printed).toMatch(/^✗ lint {4}0\.0 s\n\n {4}\$ .+ -e /)
    expect(printed).toMatch(/^ {4}line one$/m)
    expect(printed).toMatch(/^ {4}line two$/m)
  })

  it('counts a program that does not exist as a failure', async () => {
    const { outcomes } = await run([{ name: 'gone', command: ['no-such-program-here'] }])
    expect(outcomes).toMatchObject([
      { status: 'failed', output: expect.stringContaining('ENOENT') as string },
    ])
  })

  it('passes over what comes after a failure, down the line, and runs the rest', async () => {
    const { outcomes, printed } = await run([
      node('build', 'process.exitCode = 1'),
      node('pack', '', { after: ['build'] }),
      node('publint', '', { after: ['pack'] }),
      node('format', ''),
    ])
    expect(outcomes.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'build failed',
      'pack not run',
      'publint not run',
      'format passed',
    ])
    expect(printed).toContain(`- publint      not run: 'pack' has to succeed first`)
  })

  it('starts a step after those it waits for, and no more at a time than allowed', async () => {
    const seen: string[] = []
    await run([node('a', ''), node('b', '', { after: ['a'] }), node('c', ''), node('d', '')], {
      width: 2,
      onRunning: (names) => seen.push(names.join('+')),
    })
    expect(seen[0]).toBe('a+c')
    expect(seen.filter((names) => names.includes('a') && names.includes('b'))).toEqual([])
    expect(seen.every((names) => names.split('+').length <= 2)).toBe(true)
    // Which of them is the last one depends on the machine.
    expect(new Set(seen.flatMap((names) => names.split('+')))).toEqual(new Set(['a', 'b', 'c', 'd']))
  })

  it('hands its environment to every step', async () => {
    const { outcomes } = await run([node('env', 'console.log(process.env.COLOUR)')])
    expect(outcomes[0]?.output).toBe('green\n')
  })

  it('ends what runs, and starts nothing more, when its signal aborts', async () => {
    const controller = new AbortController()
    const { outcomes } = await run(
      [node('endless', 'setInterval(() => {}, 1000)'), node('next', '', { after: ['endless'] })],
      {
        signal: controller.signal,
        onRunning: (names) => {
          if (names.includes('endless')) controller.abort()
        },
      },
    )
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['failed', 'not run'])
  })
})
