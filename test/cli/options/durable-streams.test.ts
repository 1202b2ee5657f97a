import { expect, it } from 'vitest'
import { durableStreamsSettings } from '../../../src/cli/options/durable-streams.ts'
import { readSettings } from '../../../src/cli/options/read-settings.ts'

it('the demo serves the protocol when it is asked to', () => {
  expect(durableStreamsSettings({})).toMatchObject({ durableStreams: false, longPollTimeout: 25 })
  expect(durableStreamsSettings({ durableStreams: true, longPollTimeout: 0.5 })).toMatchObject({
    durableStreams: true,
    longPollTimeout: 0.5,
  })
})

it('an application in a file says itself what it serves', () => {
  expect(() => durableStreamsSettings({ durableStreams: true }, 'app.ts')).toThrow(
    /^--durable-streams is for the demo; an application has durableStreams\(/,
  )
  expect(() => durableStreamsSettings({ longPollTimeout: 1 }, 'app.ts')).toThrow(
    /^--long-poll-timeout is for the demo/,
  )
})

it('the variables are read as the flags are', () => {
  const environment = {
    MILLRACE_DURABLE_STREAMS: '1',
    MILLRACE_LONG_POLL_TIMEOUT: '0.5',
    MILLRACE_MAX_CREATIONS_PER_ADDRESS: '7',
    MILLRACE_MAX_BYTES_PER_ADDRESS: '1000',
  }
  const settings = {
    durableStreams: true,
    longPollTimeout: 0.5,
    creationsPerAddress: 7,
    bytesPerAddress: 1000,
  }
  expect(readSettings({}, environment)).toMatchObject(settings)
  expect(durableStreamsSettings(settings)).toEqual(settings)
})
