import type { CSSProperties } from 'react';
import type { Look } from '../book/protocol';

/** A cell's look as style. On a dark page colours are lightened, but for a text's on a ground of the cell's own. */
export function lookStyle(look: Look): CSSProperties {
  const lines = [look.underline && 'underline', look.strikethrough && 'line-through'].filter(Boolean).join(' ');
  return {
    ...(look.bold && { fontWeight: 700 }),
    ...(look.italic && { fontStyle: 'italic' }),
    ...(lines !== '' && { textDecoration: lines }),
    ...colors(look),
    ...(look.align !== undefined && { textAlign: look.align }),
    ...(look.vertical !== undefined && { alignContent: look.vertical }),
    ...(look.wrap && { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }),
    ...(look.size !== undefined && { fontSize: `${String(look.size)}em` }),
    ...(look.font !== undefined && { fontFamily: `"${look.font.replaceAll(/["\\]/g, '')}", var(--font)` }),
    ...(look.top !== undefined && { borderBlockStart: border(look.top) }),
    ...(look.right !== undefined && { borderInlineEnd: border(look.right) }),
    ...(look.bottom !== undefined && { borderBlockEnd: border(look.bottom) }),
    ...(look.left !== undefined && { borderInlineStart: border(look.left) }),
  };
}

function colors({ color, fill }: Look): CSSProperties {
  if (fill !== undefined) return { backgroundColor: fill, color: color ?? readableOn(fill) };
  if (color === undefined) return {};
  return { color: onGround(color) };
}

function border(line: string): string {
  return line.replace(/#[0-9a-f]{6}$/, onGround);
}

/** A colour that is seen on the page's own ground, light or dark. */
function onGround(color: string): string {
  return `light-dark(${color}, oklch(from ${color} max(l, 0.75) c h))`;
}

/** Black or white, whichever has more contrast: by the relative luminance of WCAG 2. */
export function readableOn(fill: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(fill.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000000' : '#ffffff';
}
