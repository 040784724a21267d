/** Where the model was most wrong: each case with its picture, what is true, what was said; it opens in the viewer. */

import { Button, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { EvaluationDocument } from "../../store/evaluations";
import { metricText } from "../../ui/metric";
import { SeriesLink } from "../SeriesLink";

const FIRST = 12;
type Case = EvaluationDocument["cases"][number];

export function Cases({ team, document }: { team: string; document: EvaluationDocument }): ReactNode {
  const { t } = useTranslation();
  const [isAll, setAll] = useState(false);
  const { cases } = document;
  if (!cases.length) return <Text size="sm">{t("evaluation.noCases")}</Text>;
  return (
    <div>
      <Title order={4}>{t("evaluation.cases")}</Title>
      <Text size="sm" c="dimmed" mb="xs">
        {t("evaluation.casesHint")}
      </Text>
      <SimpleGrid cols={{ base: 2, xs: 3, md: 6 }} spacing="xs">
        {(isAll ? cases : cases.slice(0, FIRST)).map((one) => (
          <OneCase key={one.series_uid} team={team} one={one} />
        ))}
      </SimpleGrid>
      {!isAll && cases.length > FIRST && (
        <Button
          mt="xs"
          size="compact-sm"
          variant="subtle"
          onClick={() => {
            setAll(true);
          }}
        >
          {t("evaluation.allCases", { count: cases.length })}
        </Button>
      )}
    </div>
  );
}

function OneCase({ team, one }: { team: string; one: Case }): ReactNode {
  const { t } = useTranslation();
  return (
    <Paper withBorder p={6} data-testid="case">
      <SeriesLink team={team} series={one.series_uid} study={one.study_uid} slice={one.slice} underline="never" c="inherit">
        <Picture team={team} series={one.series_uid} />
        <Stack gap={0} mt={4}>
          <Text size="xs" truncate>
            {t("evaluation.truth")} <b>{one.truth || t("evaluation.nothing")}</b>
          </Text>
          <Text size="xs" truncate>
            {t("evaluation.said")}{" "}
            <Text span inherit fw={700} c={one.truth && one.truth !== one.prediction ? "red" : undefined}>
              {one.prediction || t("evaluation.nothing")}
            </Text>{" "}
            {one.score !== null && metricText(one.score)}
          </Text>
          <Text size="xs" c="dimmed" truncate title={one.group}>
            {t("evaluation.slice", { slice: one.slice + 1 })} · {t("evaluation.loss")} {metricText(one.loss)}
          </Text>
        </Stack>
      </SeriesLink>
    </Paper>
  );
}

function Picture({ team, series }: { team: string; series: string }): ReactNode {
  const [isThere, setThere] = useState(true);
  if (!isThere) return <span className="thumb case-picture" aria-hidden />;
  return (
    <img
      className="thumb case-picture"
      src={`/api/v1/teams/${team}/series/${series}/thumbnail/`}
      alt=""
      loading="lazy"
      decoding="async"
      onError={() => {
        setThere(false);
      }}
    />
  );
}
