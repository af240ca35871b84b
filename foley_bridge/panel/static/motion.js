// The lane of the picture: how much moves, and every moment that could be an onset; those that count stand out.

import { colour, fresh, shadeOutside } from "./canvas.js";

const DOT_PX = 4;

/** Was too little of it sure, so that what was seen is not used? */
export const unsure = ({ detail, onsets }) => detail?.reliable === false && !onsets.own && !onsets.changed && onsets.trying === null;

/** @returns {() => void} draws it */
export function motion(canvas, session) {
  const { axis, onsets } = session;

  function drawMotion({ pen, height }, { values, start_s, step_s }) {
    const y = (value) => height - 3 - (value / 100) * (height - 14);
    pen.beginPath();
    values.forEach((value, k) => pen.lineTo(axis.x(start_s + k * step_s), y(value)));
    pen.strokeStyle = colour("--motion-line");
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.lineTo(axis.x(start_s + (values.length - 1) * step_s), height);
    pen.lineTo(axis.x(start_s), height);
    pen.fillStyle = colour("--motion");
    pen.globalAlpha = 0.55;
    pen.fill();
    pen.globalAlpha = 1;
  }

  function drawSeen({ pen, width, height }, { time_s, confidence, sensitivity }) {
    const x = axis.x(time_s);
    if (x < -10 || x > width + 10) return;
    const counts = !unsure(session) && sensitivity !== null && sensitivity <= onsets.sensitivity + 1e-9;
    const top = height - 6 - confidence * (height - 16);
    pen.strokeStyle = pen.fillStyle = colour(counts ? "--seen" : "--seen-dim");
    pen.lineWidth = counts ? 2.5 : 1.5;
    pen.beginPath();
    pen.moveTo(x, height);
    pen.lineTo(x, top + DOT_PX);
    pen.stroke();
    pen.beginPath();
    pen.arc(x, top, DOT_PX, 0, 2 * Math.PI);
    if (counts) pen.fill();
    else pen.stroke();
  }

  return () => {
    const drawing = fresh(canvas);
    const { detail } = session;
    if (!detail) return;
    shadeOutside(drawing, axis.x(detail.start.seconds), axis.x(detail.end.seconds));
    if (detail.motion?.values.length > 1) drawMotion(drawing, detail.motion);
    for (const seen of detail.seen ?? []) drawSeen(drawing, seen);
  };
}
