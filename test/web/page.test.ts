import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../web/${path}`, import.meta.url), 'utf8')

describe('web/index.html', () => {
  const html = read('index.html')

  it('index.html has no script or style of its own, which the content security policy would refuse', () => {
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i)
    expect(html.match(/<script[^>]*>[^<]*<\/script>/gi)).toEqual([
      '<script type="module" src="./src/main.tsx"></script>',
    ])
  })

  it('index.html names files relative to itself, so that it works under a root path', () => {
    const addresses = [...html.matchAll(/\s(?:src|href)="([^"]*)"/g)].map((match) => match[1])
    expect(addresses.length).toBeGreaterThan(0)
    for (const address of addresses) expect(address).toMatch(/^\.\//)
  })
})

describe('web/src/tokens.css', () => {
  const [light = '', dark = ''] = read('src/tokens.css').split('@media (prefers-color-scheme: dark)')
  const texts = [
    ['ink', 'ground'],
    ['ink', 'sheet'],
    ['ink', 'bad-wash'],
    ['ink-soft', 'ground'],
    ['ink-soft', 'sheet'],
    ['ink-soft', 'bad-wash'],
    ['bad', 'bad-wash'],
    ['wait', 'ground'],
    ['water-deep', 'ground'],
    ['water-deep', 'sheet'],
    ['on-water', 'water'],
    ['on-water', 'water-deep'],
  ] as const
  const shapes = [
    ['edge', 'ground'],
    ['edge', 'sheet'],
    ['water', 'ground'],
    ['water', 'sheet'],
    ['good', 'ground'],
    ['good', 'sheet'],
  ] as const

  describe.each([
    ['by day', light],
    ['by night', dark],
  ])('%s', (_, css) => {
    it.each(texts)('sets %s on %s with the contrast of text (WCAG 2.2 AA: 4.5)', (front, back) => {
      expect(contrast(colour(css, front), colour(css, back))).toBeGreaterThanOrEqual(4.5)
    })

    it.each(shapes)('sets %s on %s with the contrast of controls (WCAG 2.2 AA: 3)', (front, back) => {
      expect(contrast(colour(css, front), colour(css, back))).toBeGreaterThanOrEqual(3)
    })
  })
})

function colour(css: string, name: string): string {
  const value = css.match(new RegExp(`--${name}: #([0-9a-f]{6});`))?.[1]
  if (value === undefined) throw new Error(`No colour --${name}`)
  return value
}

/** Contrast ratio of two colours as WCAG 2.2 defines it. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
