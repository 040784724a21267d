/** Small grey pictures that come as bytes: what a generator painted. */

import { SimpleGrid, Text, Title } from "@mantine/core";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { EvaluationDocument } from "../../store/evaluations";

type Sample = NonNullable<EvaluationDocument["samples"]>[number];

export function GreySamples({ samples }: { samples: readonly Sample[] }): ReactNode {
  const { t } = useTranslation();
  return (
    <div>
      <Title order={4} mb="xs">
        {t("evaluation.samples")}
      </Title>
      <SimpleGrid cols={{ base: 4, xs: 6, md: 12 }} spacing={6} className="previews">
        {samples.map((sample, index) => (
          <div key={index}>
            <Picture sample={sample} />
            <Text size="xs" c="dimmed" truncate>
              {sample.caption}
            </Text>
          </div>
        ))}
      </SimpleGrid>
    </div>
  );
}

/** Grey bytes, base64, as the pixels of a canvas. */
export function pixelsOf(grey: string): Uint8ClampedArray<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(grey), (character) => character.charCodeAt(0));
  const pixels = new Uint8ClampedArray(bytes.length * 4);
  for (const [index, value] of bytes.entries()) pixels.set([value, value, value, 255], index * 4);
  return pixels;
}

function Picture({ sample }: { sample: Sample }): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pixels = pixelsOf(sample.grey);
    if (pixels.length !== sample.side * sample.side * 4) return;
    canvas.current?.getContext("2d")?.putImageData(new ImageData(pixels, sample.side, sample.side), 0, 0);
  }, [sample]);
  return <canvas ref={canvas} width={sample.side} height={sample.side} role="img" aria-label={sample.caption} />;
}
