export { waitFor } from '../../testing/wait-for.js'
