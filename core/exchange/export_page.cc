#include "core/exchange/export_page.h"

#include <map>

#include "core/base/utc.h"
#include "core/exchange/answers.h"
#include "core/exchange/text_formats.h"
#include "embedded/page.h"

namespace lysoen::exchange {

namespace {

// The page is page/page.html with its style, program, outlines and data put in the places marked {{like_this}}. Data is
// JSON inside <script type="application/json">; json_string keeps it from ending the script.
class PageExport final : public Export {
 public:
  PageExport(std::ostream& out, ExportOptions options, std::vector<std::shared_ptr<const Form>> forms)
      : out_(out), options_(std::move(options)), answers_(std::move(forms)) {
    rest_ = page::page_html;
    write_until("title");
    write_html_text(options_.title);
    write_until("style");
    out_ << page::page_css;
    write_until("data");
    write_head();
  }

  void add(const Report& report) override {
    out_ << (count_++ ? ",\n" : "\n") << "{\"id\":" << json_string(report.id.hex().substr(0, 12))
         << ",\"form\":" << json_string(report.form_id) << ",\"day\":" << json_string(answers_.day(report))
         << ",\"status\":" << json_string(name_of(report.status)) << ",\"level\":" << json_string(name_of(report.level))
         << ",\"author\":" << json_string(options_.name_of(report.author)) << ",\"conflicts\":" << report.conflicts();
    if (report.retracted) out_ << ",\"retracted\":" << json_string(report.retraction_reason);
    write_statuses(report);
    write_place(report);
    write_first("title", answers_.by_role(report, FieldRole::title), answers_.by_role(report, FieldRole::narrative));
    write_first("where", answers_.by_role(report, FieldRole::place_name), {});
    write_first("category", answers_.by_role(report, FieldRole::category), {});
    write_fields(report);
    out_ << '}';
  }

  Result<void> finish() override {
    out_ << "\n]}";
    write_until("outlines");
    out_ << page::outlines_json;
    write_until("program");
    out_ << page::page_js;
    out_ << rest_;
    out_.flush();
    if (!out_)
      return make_error(ErrorCode::storage_full, "cannot write the page: the system refused",
                        "free some space or choose another place");
    return {};
  }
  size_t count() const override { return count_; }
  size_t placed() const override { return placed_; }

 private:
  void write_until(std::string_view name) {
    std::string mark = "{{" + std::string(name) + "}}";
    auto at = rest_.find(mark);
    out_ << rest_.substr(0, at);
    rest_.remove_prefix(at + mark.size());
  }

  void write_html_text(std::string_view text) {
    for (char c : text) {
      if (c == '<')
        out_ << "&lt;";
      else if (c == '>')
        out_ << "&gt;";
      else if (c == '&')
        out_ << "&amp;";
      else
        out_ << c;
    }
  }

  // Forms with their labels, once, so that a report's fields are pairs of number and values.
  void write_head() {
    out_ << "{\"title\":" << json_string(options_.title) << ",\"made_at\":" << json_string(utc_text(options_.made_at))
         << ",\"from\":" << json_string(options_.provenance) << ",\"forms\":{";
    bool first = true;
    for (auto& form : answers_.forms()) {
      out_ << (first ? "" : ",") << json_string(form->id())
           << ":{\"title\":" << json_string(pick(form->title(), options_.language)) << ",\"labels\":[";
      size_t number = 0;
      for (auto& question : form->questions()) {
        auto label = pick(question.labels, options_.language);
        out_ << (number ? "," : "") << json_string(label.empty() ? std::string_view(question.path) : label);
        numbers_[form->id() + "\n" + question.path] = number++;
      }
      out_ << "]}";
      first = false;
    }
    out_ << "},\"reports\":[";
  }

  void write_place(const Report& report) {
    auto* place = answers_.place(report);
    auto at = place ? place->lat_lon() : std::nullopt;
    if (!at) return;
    ++placed_;
    char text[80];
    std::snprintf(text, sizeof text, ",\"at\":[%.6f,%.6f]", at->longitude, at->latitude);
    out_ << text;
  }

  void write_first(std::string_view name, std::vector<std::string> values, std::vector<std::string> otherwise) {
    if (values.empty()) values = std::move(otherwise);
    if (values.empty() || values[0].empty()) return;
    out_ << ',' << json_string(name) << ':' << json_string(values[0]);
  }

  // Only when they differ.
  void write_statuses(const Report& report) {
    if (report.status_values.size() < 2) return;
    out_ << ",\"statuses\":[";
    for (size_t i = 0; i < report.status_values.size(); ++i) {
      auto& visible = report.status_values[i];
      out_ << (i ? "," : "")
           << json_string((visible.value ? visible.value->text() : "") + " by " + options_.name_of(visible.author));
    }
    out_ << ']';
  }

  // page.js says what a field looks like.
  void write_fields(const Report& report) {
    auto* form = answers_.form_of(report);
    Items items;
    out_ << ",\"fields\":[";
    bool first = true;
    for (auto& field : report.fields) {
      auto path = without_items(field.path);
      out_ << (first ? "[" : ",[");
      write_label(report, field.path, path, items);
      auto* question = form ? form->question(path) : nullptr;
      for (auto& visible : field.values) {
        auto value = visible.value ? json_string(shown(*visible.value, question)) : "null";
        out_ << ',';
        if (field.conflict())
          out_ << '[' << value << ',' << json_string(options_.name_of(visible.author)) << ']';
        else
          out_ << value;
      }
      out_ << ']';
      first = false;
    }
    out_ << ']';
  }

  // The items of repeats seen in one report, numbered as they come: "victims[3f9c]" -> 2.
  using Items = std::map<std::string, std::map<std::string, size_t>>;

  void write_label(const Report& report, const std::string& path, const std::string& plain, Items& items) {
    auto end = path.rfind(']');
    bool in_item = end != std::string::npos;
    if (in_item) out_ << '[';
    auto number = numbers_.find(report.form_id + "\n" + plain);
    if (number != numbers_.end())
      out_ << number->second;
    else
      out_ << json_string(plain);
    if (!in_item) return;
    auto item = path.substr(0, end + 1);
    auto& known = items[without_items(item)];
    out_ << ',' << known.emplace(item, known.size() + 1).first->second << ']';
  }

  // Choices by their labels, everything else as reported.
  std::string shown(const Value& value, const Question* question) const {
    auto label = [&](const std::string& code) {
      auto* choice = question ? question->choice(code) : nullptr;
      auto text = choice ? pick(choice->labels, options_.language) : std::string_view();
      return text.empty() ? code : std::string(text);
    };
    if (value.type() == ValueType::choice) return label(value.text());
    if (value.type() != ValueType::choices) return value.text();
    std::string out;
    for (auto& code : value.items()) out += (out.empty() ? "" : ", ") + label(code);
    return out;
  }

  std::ostream& out_;
  ExportOptions options_;
  Answers answers_;
  std::string_view rest_;
  std::map<std::string, size_t> numbers_;  // form id, line break, path
  size_t count_ = 0, placed_ = 0;
};

}  // namespace

std::unique_ptr<Export> start_page(std::ostream& out, ExportOptions options,
                                   std::vector<std::shared_ptr<const Form>> forms) {
  return std::make_unique<PageExport>(out, std::move(options), std::move(forms));
}

}  // namespace lysoen::exchange
