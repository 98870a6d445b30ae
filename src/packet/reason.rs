//! The words that the people of an agency read when their packet is refused.

use super::{Invalid, Rule};

impl Invalid {
    /// What is wrong, where, by which rule and what to do, in Vietnamese.
    #[must_use]
    pub fn reason_vi(&self) -> String {
        let place = if self.element.is_empty() {
            "đầu hoặc cuối tài liệu".to_owned()
        } else {
            format!("phần tử {}", self.element)
        };
        let [rule, remedy] = rule_and_remedy(self.rule);
        format!(
            "Gói tin edXML không hợp lệ tại dòng {}, {place}: {}. Quy tắc [{}]: {rule}. Cách khắc phục: {remedy}.",
            self.line,
            self.what(),
            self.rule
        )
    }

    fn what(&self) -> String {
        let value = &self.value;
        match self.rule {
            Rule::Utf8 => {
                "tài liệu chứa byte không phải UTF-8 hoặc khai báo bảng mã khác".to_owned()
            }
            Rule::WellFormed => format!("cú pháp XML sai (chi tiết kỹ thuật: {})", self.detail),
            Rule::Tags => "thẻ đóng không khớp với thẻ đang mở".to_owned(),
            Rule::Character => "có ký tự điều khiển hoặc ký tự mà XML không cho phép".to_owned(),
            Rule::Doctype => "tài liệu có khai báo <!DOCTYPE> hoặc khai báo kiểu khác".to_owned(),
            Rule::Instruction => "tài liệu có chỉ thị xử lý <?…?>".to_owned(),
            Rule::Entity => {
                "có thực thể không được định nghĩa hoặc ký tự & chưa được mã hóa".to_owned()
            }
            Rule::Namespace if value.is_empty() => {
                "không gian tên hoặc tiền tố không đúng".to_owned()
            }
            Rule::Namespace => format!("không gian tên hoặc tiền tố của “{value}” không đúng"),

            Rule::Complete => "tài liệu kết thúc giữa chừng".to_owned(),
            Rule::AfterRoot => "còn dữ liệu sau thẻ đóng của phần tử gốc".to_owned(),
            Rule::Root => {
                "phần tử gốc không phải là edXML trong không gian tên của quy chuẩn".to_owned()
            }
            Rule::Depth => format!("các phần tử lồng nhau sâu quá {value} cấp"),
            Rule::Elements => format!("tài liệu có quá {value} phần tử"),
            Rule::Attributes => format!("có quá {value} thuộc tính hoặc khai báo không gian tên"),
            Rule::TextLength => {
                "một tên, thuộc tính, chú thích hoặc nội dung văn bản dài quá giới hạn".to_owned()
            }
            Rule::HeaderSize => format!("phần ngoài nội dung tệp đính kèm lớn quá {value} byte"),
            Rule::Recipients => format!("có quá {value} nơi nhận hoặc văn bản được nhắc tới"),
            Rule::Attachments => format!("có quá {value} tệp đính kèm"),
            Rule::Missing => format!("thiếu phần tử {value} hoặc phần tử này để trống"),
            Rule::Duplicate => format!("“{value}” xuất hiện nhiều lần"),
            Rule::Misplaced => format!("phần tử {value} đặt sai chỗ"),
            Rule::StrayText => format!("có chữ “{value}” nằm giữa các phần tử"),
            Rule::Nested => format!("phần tử {value} nằm trong phần tử chỉ được chứa chữ"),
            Rule::MemberCode => format!("“{value}” không phải là mã định danh"),
            Rule::Value => format!("giá trị “{value}” không được chấp nhận"),
            Rule::StatusRecipient => {
                "gói tin trạng thái không xác định được đúng một nơi nhận".to_owned()
            }
            Rule::Base64 => format!(
                "nội dung tệp đính kèm có ký tự “{value}” không thuộc base64 hoặc đứng sai chỗ"
            ),
            Rule::Base64Length => {
                format!("nội dung base64 của tệp đính kèm bị cụt ({value} ký tự)")
            }
            Rule::ReferenceUnmet => {
                format!("danh mục khai báo tệp “{value}” nhưng gói tin không có tệp đó")
            }
            Rule::AttachmentUnnamed => {
                format!("tệp đính kèm “{value}” không được khai báo trong danh mục")
            }
        }
    }
}

const fn rule_and_remedy(rule: Rule) -> [&'static str; 2] {
    match rule {
        Rule::Utf8 => [
            "tài liệu edXML chỉ dùng bảng mã UTF-8",
            "xuất lại tài liệu bằng UTF-8 và không chuyển đổi bảng mã trên đường truyền",
        ],
        Rule::WellFormed => [
            "tài liệu phải là XML 1.0 đúng cú pháp",
            "sửa phần mềm tạo tài liệu tại dòng nêu trên; dùng thư viện XML thay vì ghép chuỗi",
        ],
        Rule::Tags => [
            "mỗi thẻ đóng phải trùng tên với phần tử đang mở trong cùng",
            "kiểm tra các thẻ từ phần tử nêu trên trở xuống và bổ sung thẻ đóng còn thiếu",
        ],
        Rule::Character => [
            "văn bản chỉ được chứa các ký tự XML 1.0 cho phép",
            "xóa ký tự lạ (thường do sao chép từ phần mềm khác) rồi gửi lại",
        ],
        Rule::Doctype => [
            "vì lý do an toàn, gói tin không được có khai báo kiểu tài liệu (DTD)",
            "bỏ khai báo đó rồi gửi lại",
        ],
        Rule::Instruction => [
            "vì lý do an toàn, gói tin không được có chỉ thị xử lý ngoài khai báo XML ở đầu tài liệu",
            "bỏ chỉ thị đó rồi gửi lại",
        ],
        Rule::Entity => [
            "chỉ được dùng năm thực thể có sẵn của XML (amp, lt, gt, quot, apos) và tham chiếu ký tự",
            "viết & thành &amp; và bỏ các thực thể khác",
        ],
        Rule::Namespace => [
            "mọi phần tử edXML thuộc không gian tên http://www.mic.gov.vn/TBT/QCVN_102_2016 và mọi tiền tố phải được khai báo",
            "khai báo đúng không gian tên cho phần tử hoặc thuộc tính này",
        ],
        Rule::Complete => [
            "gói tin phải đầy đủ đến thẻ đóng </edXML>",
            "kiểm tra đường truyền và dung lượng tệp rồi gửi lại toàn bộ",
        ],
        Rule::AfterRoot => [
            "sau </edXML> chỉ được có khoảng trắng và chú thích",
            "bỏ phần dữ liệu thừa rồi gửi lại",
        ],
        Rule::Root => [
            "phần tử gốc là edXML, không gian tên http://www.mic.gov.vn/TBT/QCVN_102_2016",
            "kiểm tra đã chọn đúng tệp edXML để gửi",
        ],
        Rule::Depth | Rule::Elements | Rule::Attributes => [
            "cấu trúc tài liệu có giới hạn để bảo đảm an toàn hệ thống",
            "tạo lại tài liệu theo đúng cấu trúc của QCVN 102:2016/BTTTT",
        ],
        Rule::TextLength => [
            "mỗi tên, thuộc tính, chú thích và nội dung trong phần đầu có giới hạn độ dài",
            "rút gọn nội dung này hoặc chuyển nó vào tệp đính kèm",
        ],
        Rule::HeaderSize => [
            "phần đầu của gói tin có giới hạn dung lượng",
            "rút gọn phần đầu hoặc chia thành nhiều gói tin",
        ],
        Rule::Recipients => [
            "mỗi gói tin có giới hạn số nơi nhận và số văn bản được nhắc tới",
            "chia danh sách thành nhiều gói tin",
        ],
        Rule::Attachments => [
            "mỗi gói tin có giới hạn số tệp đính kèm",
            "gộp các tệp lại hoặc chia thành nhiều gói tin",
        ],
        Rule::Missing => [
            "QCVN 102:2016/BTTTT bắt buộc có phần tử này và nội dung của nó",
            "bổ sung phần tử với giá trị đúng rồi gửi lại",
        ],
        Rule::Duplicate => [
            "phần tử hoặc mã này chỉ được xuất hiện một lần",
            "giữ lại một giá trị đúng, bỏ các giá trị lặp",
        ],
        Rule::Misplaced => [
            "phần tử phải nằm đúng vị trí theo cấu trúc của QCVN 102:2016/BTTTT",
            "đặt lại phần tử vào đúng phần tử cha; kiểm tra thẻ đóng còn thiếu ở phía trên",
        ],
        Rule::StrayText => [
            "giữa các phần tử của phần đầu chỉ được có khoảng trắng",
            "đưa nội dung vào đúng phần tử hoặc bỏ đi",
        ],
        Rule::Nested => [
            "phần tử này chỉ chứa chữ, không chứa phần tử con",
            "bỏ phần tử con; kiểm tra thẻ đóng còn thiếu ở phía trên",
        ],
        Rule::MemberCode => [
            "mã định danh gồm 1 đến 64 ký tự A-Z, a-z, 0-9, dấu chấm, gạch nối, gạch dưới và bắt đầu bằng chữ hoặc số, ví dụ 000.00.00.G22 hoặc G22 (QCVN 102:2016/BTTTT, Quyết định 20/2020/QĐ-TTg)",
            "tra mã đúng trong danh bạ cơ quan, đơn vị rồi sửa lại",
        ],
        Rule::Value => [
            "BussinessDocType là 0 (mới), 1 (thu hồi), 2 (cập nhật) hoặc 3 (thay thế); StatusCode gồm 1 đến 16 chữ hoặc số",
            "sửa giá trị theo QCVN 102:2016/BTTTT rồi gửi lại",
        ],
        Rule::StatusRecipient => [
            "gói tin trạng thái có đúng một ResponseFor và không có To; nơi nhận là ResponseFor/OrganId",
            "bỏ To hoặc StatusCode, và gửi mỗi trạng thái cho một văn bản trong một gói tin",
        ],
        Rule::Base64 | Rule::Base64Length => [
            "ContentTransferEncoded chứa trọn vẹn dữ liệu base64 (RFC 4648), có đệm dấu = ở cuối",
            "mã hóa lại tệp đính kèm bằng base64 chuẩn rồi gửi lại toàn bộ gói tin",
        ],
        Rule::ReferenceUnmet | Rule::AttachmentUnnamed => [
            "mỗi Reference trong edXMLManifest ứng với đúng một Attachment có cùng ContentId và ngược lại",
            "bổ sung phần còn thiếu hoặc sửa ContentId cho khớp",
        ],
    }
}
