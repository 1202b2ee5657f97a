/** A stock transport, each of whose chunks is held against the SDK's own schema. Runs in browsers, too. */
import { type ChatTransport, type UIMessage, type UIMessageChunk, uiMessageChunkSchema } from 'ai'

/** A chunk that no client would take fails the stream, and so the test. */
export function checked<Message extends UIMessage>(
  transport: ChatTransport<Message>,
): ChatTransport<Message> {
  return {
    get resumeStreamIsReplay() {
      return transport.resumeStreamIsReplay ?? false
    },
    sendMessages: async (options) => checkedStream(await transport.sendMessages(options)),
    reconnectToStream: async (options) => {
      const stream = await transport.reconnectToStream(options)
      return stream && checkedStream(stream)
    },
    close: () => transport.close?.(),
  }
}

const schema = uiMessageChunkSchema()

function checkedStream(stream: ReadableStream<UIMessageChunk>): ReadableStream<UIMessageChunk> {
  return stream.pipeThrough(
    new TransformStream<UIMessageChunk, UIMessageChunk>({
      async transform(chunk, controller) {
        const result = await schema.validate?.(chunk)
        if (result?.success !== true) throw new Error(`No client takes ${JSON.stringify(chunk)}`)
        controller.enqueue(chunk)
      },
    }),
  )
}
