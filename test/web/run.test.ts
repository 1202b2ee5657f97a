import { describe, expect, it } from 'vitest'
import { EMPTY_PAGE, isActive, type Page, type PageEvent, reduce } from '../../web/src/run.ts'

function play(events: PageEvent[], page: Page = EMPTY_PAGE): Page {
  return events.reduce(reduce, page)
}

function start(id: string, prompt = ''): PageEvent {
  return { type: 'start', id, prompt, at: 100 }
}

function show(id: string, prompt = ''): PageEvent {
  return { type: 'show', id, prompt, at: 100 }
}

function received(...records: unknown[]): PageEvent {
  return { type: 'received', records, at: 200 }
}

function end(status: 'completed' | 'stopped' | 'failed' | 'missing', reason = ''): PageEvent {
  return { type: 'end', status, reason, at: 700 }
}

describe('the output', () => {
  it('the output takes the ten numbers as ten lines, however they are batched', () => {
    const numbers = Array.from({ length: 10 }, (_, i) => `Number ${i}\n`)
    const lines = numbers.join('')
    expect(play([start('a'), received(...numbers), end('completed')]).output).toBe(lines)
    expect(play([show('a'), ...numbers.map((number) => received(number))]).output).toBe(lines)
  })

  it('the output takes text as it is', () => {
    expect(play([start('a', 'Hi'), received('Hel'), received('lo', '\n')]).output).toBe('Hello\n')
  })

  it('the output is of one run', () => {
    const ended = play([start('a'), received('Number 0\n'), end('completed')])
    expect(play([start('b')], ended).output).toBe('')
    expect(play([show('b')], ended).output).toBe('')
    expect(play([{ type: 'leave' }], ended)).toBe(EMPTY_PAGE)
  })

  it('the output passes over what is no record of the page', () => {
    expect(play([start('a'), received(null, { status: 'completed' }, 'x', 7)])).toMatchObject({
      output: 'x',
      run: { characters: 1 },
    })
  })

  it('the output takes nothing more once the run has ended', () => {
    const page = play([start('a'), received('Number 0\n'), end('completed')])
    expect(play([received('late\n'), end('failed', 'late')], page)).toBe(page)
  })
})

describe('the run', () => {
  it('the run goes from sending to streaming with the first word of the server', () => {
    expect(play([start('a', 'Hi')]).run).toMatchObject({ status: 'sending', prompt: 'Hi', startedAt: 100 })
    expect(play([start('a'), received()]).run).toMatchObject({ status: 'streaming', heardAt: 200 })
  })

  it('the run goes from loading to streaming when it was there before, since when is not known', () => {
    expect(play([show('a', 'Hi')]).run).toMatchObject({
      status: 'loading',
      prompt: 'Hi',
      startedAt: undefined,
    })
    expect(play([show('a'), received('x\n')]).run).toMatchObject({ status: 'streaming', characters: 2 })
  })

  it('the run counts what it brings', () => {
    expect(play([start('a'), received('one', 'two'), received('!')]).run).toMatchObject({ characters: 7 })
  })

  it.each(['completed', 'stopped'] as const)('the run ends as %s', (status) => {
    for (const begin of [start('a'), show('a')]) {
      const { run } = play([begin, end(status)])
      expect(run).toMatchObject({ status, endedAt: 700, reason: '' })
      expect(isActive(run)).toBe(false)
    }
  })

  it('the run ends as failed, with the reason and what had arrived', () => {
    const page = play([start('a', 'Hi'), received('Hel'), end('failed', 'Too busy.')])
    expect(page).toMatchObject({
      output: 'Hel',
      run: { status: 'failed', reason: 'Too busy.', endedAt: 700 },
    })
  })

  it('the run can turn out to be missing', () => {
    const { run } = play([show('a'), end('missing', 'There is none.')])
    expect(run).toMatchObject({ status: 'missing', reason: 'There is none.' })
    expect(isActive(run)).toBe(false)
  })

  it('the run keeps receiving while it stops', () => {
    const page = play([start('a'), received('one\n'), { type: 'stop' }, received('two\n')])
    expect(page).toMatchObject({ output: 'one\ntwo\n', run: { status: 'stopping' } })
  })

  it('the run goes on when it cannot be stopped, and says why until that is tried again', () => {
    const page = play([start('a'), received(), { type: 'stop' }, { type: 'stopRefused', reason: 'Not now.' }])
    expect(page.run).toMatchObject({ status: 'streaming', reason: 'Not now.' })
    expect(play([{ type: 'stop' }], page).run).toMatchObject({ status: 'stopping', reason: '' })
    expect(play([end('completed')], page).run).toMatchObject({ status: 'completed', reason: '' })
  })

  it('the run is not begun while another is active', () => {
    const page = play([start('a')])
    expect(play([start('b')], page)).toBe(page)
  })

  it('the run is not stopped or ended when there is none', () => {
    expect(play([{ type: 'stop' }, { type: 'stopRefused', reason: 'x' }, end('failed', 'x')])).toBe(
      EMPTY_PAGE,
    )
  })
})
