/** The chat of the demo, where the package that it needs is installed. */
import type { Logger } from '../logging/logger.ts'
import type { ServedChat } from '../routing/served-chat.ts'
import type { ModelOptions } from './model-answer.ts'

/** Makes the chat that is served at `/api/chat`; without a model a script answers. */
export type DemoChat = (model: ModelOptions | undefined) => ServedChat

/** Undefined without the package `ai`, which is said in the log. */
export async function loadDemoChat(logger: Logger): Promise<DemoChat | undefined> {
  try {
    return (await import('./demo-chat.ts')).demoChat
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    logger.info({}, 'no chat is served at /api/chat: that needs npm install ai')
    return undefined
  }
}
