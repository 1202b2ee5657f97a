import { setTimeout as sleep } from 'node:timers/promises'
import { JsonWebSocketConsumer, MessageRefusedError } from 'millrace'

/** One connection of the page. */
export class OpenAIConsumer extends JsonWebSocketConsumer<{ message?: unknown } | null, { message: string }> {
  override async receive(data: { message?: unknown } | null): Promise<void> {
    // Whatever a browser sends is checked before it is used; what is refused ends the connection.
    if (data?.message !== 'start') throw new MessageRefusedError('Send {"message":"start"}')
    // Simulates streaming from OpenAI. The real one, after npm install openai:
    //
    //     import { openai, text } from 'millrace/openai'
    //     const answer = openai({ model: 'gpt-5.5', input: 'What is a millrace?' })
    //     for await (const message of text(answer, { signal: this.signal })) await this.send({ message })
    for (let i = 0; i < 10; i++) {
      await this.send({ message: `Number ${i}` })
      // Aborts when the page leaves.
      await sleep(500, undefined, { signal: this.signal })
    }
  }
}
