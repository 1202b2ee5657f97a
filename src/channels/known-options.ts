/** Refuses options that a layer does not have: one that is misspelt, or Python's name for it, would do nothing. */

/** channels_redis's names, for whoever brings its settings along. */
const FROM_PYTHON: Readonly<Record<string, string>> = {
  channel_capacity: 'channelCapacity',
  group_expiry: 'groupExpiry',
  random_prefix_length: 'randomPrefixLength',
  serializer_format: 'serializer',
  symmetric_encryption_keys: 'encryptionKeys',
}

/** @throws {TypeError} naming the first that is not known. */
export function checkOptionNames(layer: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const meant = FROM_PYTHON[name]
    const hint = meant !== undefined && known.includes(meant) ? `; here it is ${meant}` : ''
    throw new TypeError(`${layer} has no option ${JSON.stringify(name)}${hint}`)
  }
}
