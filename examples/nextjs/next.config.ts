/** Node loads the server's packages itself: what they keep is one for all routes. */
const config = { serverExternalPackages: ['millrace'] }
export default config
