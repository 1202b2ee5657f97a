import { describe, expect, it } from 'vitest'
import { socketUrl } from '../../web/src/socket.ts'

describe('socketUrl', () => {
  it.each([
    ['http://127.0.0.1:8000/', 'ws://127.0.0.1:8000/ws/openai/'],
    ['https://example.org/', 'wss://example.org/ws/openai/'],
    ['https://example.org/tools/race/', 'wss://example.org/tools/race/ws/openai/'],
    ['http://[::1]:8000/?theme=dark#output', 'ws://[::1]:8000/ws/openai/'],
  ])('beside the page at %s is %s', (page, url) => {
    expect(socketUrl('ws/openai/', page)).toBe(url)
  })
})
