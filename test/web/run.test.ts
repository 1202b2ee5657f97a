import { describe, expect, it } from 'vitest'
import type { Frame } from '../../web/src/frame.ts'
import { EMPTY_PAGE, isActive, type Page, type PageEvent, reduce } from '../../web/src/run.ts'

function play(events: PageEvent[], page: Page = EMPTY_PAGE): Page {
  return events.reduce(reduce, page)
}

function start(id: string, prompt = ''): PageEvent {
  return { type: 'start', id, prompt, at: 100 }
}

function frame(value: Frame, at = 200): PageEvent {
  return { type: 'frame', frame: value, at }
}

const line = (text: string, id?: string): PageEvent => frame({ kind: 'line', id, text })
const piece = (text: string, id: string): PageEvent => frame({ kind: 'piece', id, text })
const numbers = Array.from({ length: 10 }, (_, i) => `Number ${i}`)

describe('the output', () => {
  it('takes the ten numbers as ten lines, twice if asked twice', () => {
    const run = (id: string) => [
      start(id),
      ...numbers.map((text) => line(text, id)),
      frame({ kind: 'completed', id }),
    ]
    const text = numbers.map((number) => `${number}\n`).join('')
    expect(play(run('a')).output).toBe(text)
    expect(play([...run('a'), ...run('b')]).output).toBe(text + text)
  })

  it('takes pieces as they are', () => {
    expect(play([start('a', 'Hi'), piece('Hel', 'a'), piece('lo', 'a'), piece('\n', 'a')]).output).toBe(
      'Hello\n',
    )
  })

  it('sets a later answer off by one empty line', () => {
    const ended = play([start('a', 'Hi'), piece('Hello', 'a'), frame({ kind: 'completed', id: 'a' })])
    expect(play([start('b', 'Hi'), piece('', 'b'), piece('Bye', 'b')], ended).output).toBe('Hello\n\nBye')
    expect(play([start('b'), line('Number 0', 'b')], ended).output).toBe('Hello\nNumber 0\n')
  })

  it('takes a line that belongs to no request, at any time', () => {
    expect(play([line('Hello')]).output).toBe('Hello\n')
    expect(play([start('a'), piece('Hel', 'a'), line('Number 0'), piece('lo', 'a')]).output).toBe(
      'Hel\nNumber 0\nlo',
    )
  })

  it('is not touched by another request, nor by one that has ended', () => {
    const page = play([
      start('a'),
      line('Number 0', 'a'),
      line('stray', 'b'),
      frame({ kind: 'completed', id: 'a' }),
    ])
    expect(page.output).toBe('Number 0\n')
    expect(play([line('late', 'a'), frame({ kind: 'failed', id: 'a', reason: 'late' })], page)).toEqual(page)
  })

  it('is emptied by clear, while an active run goes on', () => {
    const page = play([start('a', 'Hi'), piece('Hello', 'a'), { type: 'clear' }, piece(' world', 'a')])
    expect(page.output).toBe(' world')
    expect(page.run).toMatchObject({ status: 'streaming', characters: 11 })
  })

  it('is emptied by clear together with a run that has ended', () => {
    const page = play([start('a'), line('x', 'a'), frame({ kind: 'stopped', id: 'a' }), { type: 'clear' }])
    expect(page).toEqual(EMPTY_PAGE)
  })
})

describe('the run', () => {
  it('goes from sending to streaming with the first word of the server', () => {
    expect(play([start('a', 'Hi')]).run).toMatchObject({ status: 'sending', prompt: 'Hi', startedAt: 100 })
    for (const first of [frame({ kind: 'running', id: 'a' }), line('x', 'a'), piece('x', 'a')]) {
      expect(play([start('a'), first]).run).toMatchObject({ status: 'streaming', heardAt: 200 })
    }
  })

  it('counts what it brings', () => {
    expect(play([start('a'), line('one', 'a'), line('two', 'a')]).run).toMatchObject({
      lines: 2,
      characters: 0,
    })
    expect(play([start('a'), piece('one', 'a'), piece('two', 'a')]).run).toMatchObject({
      lines: 0,
      characters: 6,
    })
  })

  it.each(['completed', 'stopped'] as const)('ends as %s when the server says so', (kind) => {
    const { run } = play([start('a'), frame({ kind, id: 'a' }, 700)])
    expect(run).toMatchObject({ status: kind, endedAt: 700, reason: '' })
    expect(isActive(run)).toBe(false)
  })

  it('ends as failed, with the reason and what had arrived', () => {
    const page = play([
      start('a', 'Hi'),
      piece('Hel', 'a'),
      frame({ kind: 'failed', id: 'a', reason: 'Too busy.' }, 700),
    ])
    expect(page).toMatchObject({
      output: 'Hel',
      run: { status: 'failed', reason: 'Too busy.', endedAt: 700 },
    })
  })

  it('keeps receiving while it stops', () => {
    const page = play([start('a'), line('one', 'a'), { type: 'stop' }, line('two', 'a')])
    expect(page).toMatchObject({ output: 'one\ntwo\n', run: { status: 'stopping' } })
  })

  it('fails when it is cut, but counts as stopped when that was asked for', () => {
    const cut: PageEvent = { type: 'cut', reason: 'Connection lost.', at: 700 }
    expect(play([start('a'), cut]).run).toMatchObject({
      status: 'failed',
      reason: 'Connection lost.',
      endedAt: 700,
    })
    expect(play([start('a'), { type: 'stop' }, cut]).run).toMatchObject({
      status: 'stopped',
      reason: '',
      endedAt: 700,
    })
  })

  it('is not begun while another is active', () => {
    const page = play([start('a')])
    expect(play([start('b')], page)).toBe(page)
  })

  it('is not stopped or cut when there is none', () => {
    expect(play([{ type: 'stop' }, { type: 'cut', reason: 'Connection lost.', at: 1 }])).toBe(EMPTY_PAGE)
  })
})
