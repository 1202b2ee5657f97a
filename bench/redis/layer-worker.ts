/** A process with a channel layer, in TypeScript or in Python; both are asked alike. */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { PATIENCE, TooSlow, launch } from '../harness/program.ts'
import type { Program, ProgramOptions } from '../harness/program.ts'
import type { LayerRequest } from './layer-process.ts'

const IN_NODE = fileURLToPath(new URL('layer-process.ts', import.meta.url))
const IN_PYTHON = fileURLToPath(new URL('layer_process.py', import.meta.url))

interface Answer {
  readonly ready?: true
  readonly result?: string | null
}

export class LayerWorker {
  readonly #program: Program
  readonly #answers: AsyncIterator<string>
  #complaints = ''

  private constructor(program: Program) {
    this.#program = program
    const { stdout, stderr } = program.process
    if (!stdout) throw new Error('a layer process has no output')
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = `${this.#complaints}${text}`.slice(-2000)
    })
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]()
  }

  /** @param python where Python is; without it, Node. */
  static async start(url: string, python: string | undefined, options: ProgramOptions): Promise<LayerWorker> {
    const command =
      python === undefined
        ? [process.execPath, ...(options.flags ?? []), IN_NODE, url]
        : [python, IN_PYTHON, url]
    const worker = new LayerWorker(launch(command, options, { stdio: 'pipe' }))
    try {
      await worker.#answer(PATIENCE)
      return worker
    } catch (error) {
      await worker.end()
      throw error
    }
  }

  get cpuMicros(): number {
    return this.#program.cpuMicros
  }

  async ask(request: LayerRequest, seconds: number = PATIENCE): Promise<string | null> {
    this.#program.process.stdin?.write(`${JSON.stringify(request)}\n`)
    return (await this.#answer(seconds)).result ?? null
  }

  async end(): Promise<void> {
    await this.#program.end()
  }

  async #answer(seconds: number): Promise<Answer> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new TooSlow('a layer process did not answer')), seconds * 1000)
    try {
      const line = await Promise.race([this.#answers.next(), late.promise])
      if (line.done) throw new Error(`a layer process ended: ${this.#complaints}`)
      return JSON.parse(line.value) as Answer
    } finally {
      clearTimeout(timer)
    }
  }
}
