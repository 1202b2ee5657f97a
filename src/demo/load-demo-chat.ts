/** Loads the demo's chat, if the package that it needs is installed. */
import type { Logger } from '../logging/logger.ts'
import type { ServedChat } from '../routing/served-chat.ts'
import type { DemoModel } from './models/demo-model.ts'

/** Makes the chat that is served at `/api/chat`. Without a model, a script answers. */
export type DemoChat = (model: DemoModel | undefined) => ServedChat

/** Resolves to undefined without the package `ai`, and logs that. */
export async function loadDemoChat(logger: Logger): Promise<DemoChat | undefined> {
  try {
    return (await import('./demo-chat.ts')).demoChat
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    logger.info({}, 'chat at /api/chat is not served: it needs npm install ai')
    return undefined
  }
}
