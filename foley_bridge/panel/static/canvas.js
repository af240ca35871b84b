// Drawing on a lane: colours of the style sheet, a canvas in device pixels, what lies outside a clip.

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A canvas in device pixels, empty. Width and height are those of the page. */
export function fresh(canvas) {
  const { clientWidth, clientHeight } = canvas;
  const ratio = devicePixelRatio || 1;
  const width = Math.round(clientWidth * ratio);
  const height = Math.round(clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, clientWidth, clientHeight);
  return { pen, width: clientWidth, height: clientHeight };
}

/** Darkens what lies before `left` and after `right`. */
export function shadeOutside({ pen, width, height }, left, right) {
  pen.fillStyle = colour("--shade");
  pen.fillRect(0, 0, Math.max(0, left), height);
  if (right < width) pen.fillRect(right, 0, width - right, height);
}
