import { describe, expect, it, vi } from 'vitest'
import { type AddressWindow, windowAddress } from '../../web/src/address.ts'

/** As much of a window as an address needs. */
function fakeWindow(href: string, state: unknown = null) {
  const events = new EventTarget()
  const location = { href }
  const history = {
    state,
    pushes: 0,
    pushState(next: unknown, _: string, url: string) {
      history.pushes++
      history.replaceState(next, _, url)
    },
    replaceState(next: unknown, _: string, url: string) {
      history.state = next
      location.href = url
    },
  }
  const window: AddressWindow = {
    location,
    history,
    addEventListener: (type, listener) => events.addEventListener(type, listener),
    removeEventListener: (type, listener) => events.removeEventListener(type, listener),
  }
  return { window, location, history, events }
}

describe('windowAddress', () => {
  it.each([
    ['http://127.0.0.1:8000/', {}],
    ['http://127.0.0.1:8000/?run=abc#output', { run: 'abc' }],
    ['http://127.0.0.1:8000/?run=a%2Fb%20c', { run: 'a/b c' }],
    ['http://127.0.0.1:8000/?run=', { run: '' }],
  ])('the address of a window reads %s', (href, visit) => {
    expect(windowAddress(fakeWindow(href).window).read()).toEqual({ prompt: '', ...visit })
  })

  it('the address of a window names a run, and none, and leaves the rest of the address alone', () => {
    const { window, location, history } = fakeWindow('https://example.org/tools/race/?theme=dark#output')
    const address = windowAddress(window)
    address.push({ run: 'a&b', prompt: 'Why?' })
    expect(location.href).toBe('https://example.org/tools/race/?theme=dark&run=a%26b#output')
    expect(address.read()).toEqual({ run: 'a&b', prompt: 'Why?' })
    expect(history.pushes).toBe(1)
    address.replace({ prompt: '' })
    expect(location.href).toBe('https://example.org/tools/race/?theme=dark#output')
    expect(history.pushes).toBe(1)
  })

  it('the address of a window keeps the prompt out of the address', () => {
    const { window, location } = fakeWindow('http://127.0.0.1:8000/')
    windowAddress(window).push({ run: 'a', prompt: 'a secret' })
    expect(location.href).not.toContain('secret')
  })

  it.each([null, 'Why?', 7, {}, { prompt: 7 }])(
    'the address of a window has no prompt where the history holds %j',
    (state) => {
      expect(windowAddress(fakeWindow('http://127.0.0.1:8000/?run=a', state).window).read()).toEqual({
        run: 'a',
        prompt: '',
      })
    },
  )

  it('the address of a window tells of Back and Forward until that is undone', () => {
    const { window, events } = fakeWindow('http://127.0.0.1:8000/')
    const listener = vi.fn<() => void>()
    const undo = windowAddress(window).subscribe(listener)
    events.dispatchEvent(new Event('popstate'))
    undo()
    events.dispatchEvent(new Event('popstate'))
    expect(listener).toHaveBeenCalledTimes(1)
  })
})
