import fc from 'fast-check'

/** A key that a message may have at any depth. */
export const messageKey: fc.Arbitrary<string> = fc
  .string({ unit: 'binary' })
  .filter((key) => key !== '__proto__' && key !== '__asgi_channel__')
