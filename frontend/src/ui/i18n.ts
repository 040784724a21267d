/** The page's words in the language that the account (or, before, the browser) prefers. */

import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import en from "./words/en.json";
import zhCN from "./words/zh-CN.json";

export const LANGUAGES = [
  { value: "en", label: "English" },
  { value: "zh-CN", label: "简体中文" },
] as const;

const kept = localStorage.getItem("language");

void i18next.use(initReactI18next).init({
  lng: kept ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en"),
  fallbackLng: "en",
  defaultNS: "page",
  resources: { en: { page: en }, "zh-CN": { page: zhCN } },
  interpolation: { escapeValue: false },
});

i18next.on("languageChanged", (language) => {
  document.documentElement.lang = language;
});
document.documentElement.lang = i18next.language;

export { i18next };
