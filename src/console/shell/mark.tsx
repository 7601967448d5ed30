/** Water that runs together: the mark of the house. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" width={26} height={26} aria-hidden="true">
      <title>Thalweg</title>
      <rect width="32" height="32" rx="7" fill="#0b5563" />
      <path
        d="M3 9c6 0 7 5 13 5s7-5 13-5M3 16c6 0 7 5 13 5s7-5 13-5"
        fill="none"
        stroke="#7fd3dc"
        strokeWidth="2.4"
        strokeLinecap="round"
        opacity=".55"
      />
      <path d="M3 23c6 0 7-4 13-4s7 4 13 4" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
    </svg>
  )
}
