import { describe, expect, test } from 'vitest'
import { UsageError } from '../../../src/cli/command-error.ts'
import { readEndpointSettings } from '../../../src/cli/options/endpoint.ts'

const ADDRESS = 'it takes an address such as http://127.0.0.1:8000/millrace/streams'
const HEADER = "it takes a name and a value, such as 'authorization: Bearer …'"

describe('where a server is', () => {
  test('is this machine, unless it is said', () => {
    expect(readEndpointSettings({}, {})).toEqual({
      url: 'http://127.0.0.1:8000/millrace/streams',
      headers: [],
    })
  })

  test.each([
    ['http://host:9000', 'http://host:9000/millrace/streams'],
    ['https://app.example/', 'https://app.example/millrace/streams'],
    ['https://app.example/api/streams/', 'https://app.example/api/streams'],
  ])('%s is %s', (given, url) => {
    expect(readEndpointSettings({ '--url': given }, { MILLRACE_URL: 'http://other' }).url).toBe(url)
    expect(readEndpointSettings({}, { MILLRACE_URL: given }).url).toBe(url)
  })

  test.each([
    ['ftp://x', '"ftp://x"'],
    ['127.0.0.1:8000', '"127.0.0.1:8000"'],
    ['http://x/?key=1', '"http://x/?key=1"'],
    ['http://ada:hunter2@x/', '"http://…@x/"'],
  ])('is not %s', (given, shown) => {
    expect(() => readEndpointSettings({ '--url': given }, {})).toThrow(
      new UsageError(`--url is ${shown}; ${ADDRESS}`),
    )
  })
})

describe('headers', () => {
  test('come from repeated flags, or from the lines of a variable', () => {
    const headers = [
      ['authorization', 'Bearer a:b'],
      ['x-list', '1, 2'],
    ]
    const given = { '--header': ['Authorization:  Bearer a:b ', 'x-list:1, 2'] }
    expect(readEndpointSettings(given, { MILLRACE_HEADER: 'x: y' }).headers).toEqual(headers)
    const variable = { MILLRACE_HEADER: 'authorization: Bearer a:b\nx-list: 1, 2\n' }
    expect(readEndpointSettings({}, variable).headers).toEqual(headers)
  })

  test.each([['hunter2'], ['x y: hunter2'], [': hunter2'], ['a: hunter2\u0000'], ['a: b', 'hunter2']])(
    'that are none are not quoted: %j',
    (...given) => {
      const error = new UsageError(`--header cannot be used; ${HEADER}`)
      expect(() => readEndpointSettings({ '--header': given }, {})).toThrow(error)
    },
  )
})
