/** What a picture of React Flow is given that is only looked at: nothing in it is dragged, joined or chosen, and the page scrolls over it. */
export const STILL = {
  fitView: true,
  nodesDraggable: false,
  nodesConnectable: false,
  nodesFocusable: false,
  edgesFocusable: false,
  elementsSelectable: false,
  zoomOnScroll: false,
  preventScrolling: false,
  proOptions: { hideAttribution: true },
} as const
