/** A model of the AI SDK whose answers never end by themselves: all of them go on at one pace. */
import type { LanguageModel } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { setTimeout as sleep } from 'node:timers/promises'
import { nowMicros } from '../delivery/record.ts'
import { deltaOf } from './delta.ts'

type StreamResult = Awaited<ReturnType<MockLanguageModelV4['doStream']>>
type Part = StreamResult['stream'] extends ReadableStream<infer Each> ? Each : never

export class PacedModel {
  readonly #answers: ReadableStreamDefaultController<Part>[] = []

  readonly model: LanguageModel = new MockLanguageModelV4({
    doStream: async () => ({
      stream: new ReadableStream<Part>({
        start: (controller) => {
          controller.enqueue({ type: 'text-start', id: '1' })
          this.#answers.push(controller)
        },
      }),
    }),
  })

  /**
   * Says so many deltas a second in each answer, for so long: one timer for all of them, as in the loads on delivery.
   * Resolves to how many each has got.
   */
  async pace(rate: number, seconds: number): Promise<number> {
    const answers = this.#answers
    const each = Math.round(rate * seconds)
    const total = each * answers.length
    const every = 1_000_000 / (rate * answers.length)
    const begun = nowMicros()
    for (let made = 0; made < total;) {
      const due = Math.min(total, Math.floor((nowMicros() - begun) / every))
      for (; made < due; made++) {
        const delta = deltaOf(Math.round(begun + (made + 1) * every))
        answers[made % answers.length]?.enqueue({ type: 'text-delta', id: '1', delta })
      }
      await sleep(1)
    }
    return each
  }
}
