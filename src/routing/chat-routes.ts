/** The routes of a chat: one path for every transport of the AI SDK. */
import { AnswerResponses } from '../endpoints/chat/answer-responses.ts'
import type { ChatDesk } from '../endpoints/chat/chat-desk.ts'
import { ChatDurable } from '../endpoints/chat/chat-durable.ts'
import { ChatHttp } from '../endpoints/chat/chat-http.ts'
import { chatSocketConsumer } from '../endpoints/chat/chat-socket.ts'
import { ChatWorkflow } from '../endpoints/chat/chat-workflow.ts'
import { type Guards, type PathRoute, http, websocket } from './route.ts'

/** @throws {TypeError} for a malformed path. */
export function chatRoutes(
  path: string,
  desk: ChatDesk,
  { authenticate, origins }: Guards = {},
): readonly PathRoute[] {
  const guards = {
    ...(authenticate !== undefined && { authenticate }),
    ...(origins !== undefined && { origins }),
  }
  const { maxMessageSize } = desk
  const responses = new AnswerResponses(desk)
  const chat = new ChatHttp(desk, responses)
  const workflow = new ChatWorkflow(desk, responses)
  const durable = new ChatDurable(desk, responses, `${path}/durable/runs`)
  const { get, head } = desk.reads
  const routes = [
    websocket(path, chatSocketConsumer(desk), { ...guards, maxMessageSize }),
    http(path, { POST: chat.send }, guards),
    http(`${path}/workflow`, { POST: workflow.send }, guards),
    http(`${path}/workflow/:id/stream`, { GET: workflow.resume }, guards),
    http(`${path}/durable`, { POST: durable.send }, guards),
    http(`${path}/durable/:id/stream`, { GET: durable.resume }, guards),
    http(`${path}/durable/runs/:id`, { GET: get, HEAD: head }, guards),
    http(`${path}/:id/stream`, { GET: chat.resume }, guards),
    http(`${path}/:id/stop`, { POST: chat.stop }, guards),
  ]
  return routes.map((route) => ({ ...route, own: true }))
}
