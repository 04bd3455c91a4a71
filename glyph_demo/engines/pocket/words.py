"""Common English and Chinese words that retrieval treats specially. Semicolons separate groups."""

# Function words and the words that questions are made of.
STOP_WORDS = """
a an the and or but nor of in on at to for from by with without into onto as is are was were be been being am
do does did done has have had having it its this that these those there here he she they them his her their him
i you your we our us me my what which who whom whose when where why how many much long often far can could may
might must shall should will would not no than then so such if any some each every all about after before
during over under between out up down off only also too very more most per please tell say says according
document text page one get got give given name named called go going happen happened
"""
STOP_PHRASES = """
为什么 为何 是什么 什么 什么时候 什么名字 多少 多少钱 多久 多大 多高 多长 多长时间 多远 多重 几个 几点 哪些
哪个 哪位 哪里 哪儿 哪家 哪种 哪一年 哪年 哪一 哪天 谁 怎么样 怎么 怎样 怎么办 如何 何时 何地 何人 是否 请问
文档 文中 有没有 一共 总共 到底 究竟 现在 目前 干什么 做什么 叫什么 吗 呢 吧 啊 的 了 着 是 在 和 与 及 或 被
把 将 对 从 由 于 以 而 之 其 这 那 要 就 都 也 还 能 可以 会 有 个 位 过 到 给 每 几 哪
最长不得超过 最多不得超过 不得超过 不超过 不得少于 不少于 不得低于 不低于 最少 至少 至多
"""

# A verb or noun, then those of its forms that `stem` cannot derive.
IRREGULAR_FORMS = """
begin began begun; break broke broken; bring brought; build built; buy bought; choose chose chosen; come came;
die died dying death; draw drew drawn; drive drove driven; eat ate eaten; fall fell fallen; fight fought;
find found; fly flew flown; forbid forbade forbidden; forget forgot forgotten; freeze froze frozen;
grow grew grown; hang hung; hear heard; hide hid hidden; hold held; keep kept; know knew known; lead led;
leave left; lend lent; lose lost; make made; mean meant; meet met; pay paid; ride rode ridden; ring rang rung;
rise rose risen; run ran; see saw seen; sell sold; send sent; shake shook shaken; shoot shot; shrink shrank;
sink sank sunk; sleep slept; speak spoke spoken; spend spent; stand stood; steal stole stolen; strike struck;
swim swam; take took taken; teach taught; think thought; throw threw thrown; wear wore worn; win won;
write wrote written; woman women; man men; child children; foot feet
"""

# Words that may answer for one another. Only general words belong here, none of a single document or trade.
SYNONYMS = """
cost price pay fee charge expense spend worth bill; begin start open launch commence;
end finish stop close conclude; establish found create form set start;
lead head chair direct manage run chairman leader charge; employee employ staff worker personnel work;
computer machine device workstation; electricity power current; hard difficult trouble problem;
hot temperature degree heat warm overheat; buy purchase acquire obtain; sell dispose;
die dead bury; steal thief theft take; lawyer solicitor attorney counsel legal; captain master skipper;
boat ship vessel; house building home; salary wage earn pay; compensation damage compensate; fire blaze burn;
entrance door gate entry; password code combination; teach train instruct learn; edition version issue;
publish release print appear; visitor reader guest user customer client; average mean typical;
forbid prohibit ban; rule regulation; repair mend fix; search lookup enquiry query; write author writer;
hurt injure wound injury; rescue save survive; keep store preserve; decline decrease drop fall lower shrink;
prefer favourite favorite popular; preside chair; audit examine; author write;
rise increase grow raise; grant donate fund gift sponsor give; move relocate transfer;
company firm business corporation; town city; dismiss fire sack; agree accept approve; refuse reject decline;
happen occur; job post position; quick fast speed; abandon drop scrap; responsible charge look; need require;
doctor physician; kid child; maximum limit most; minimum least; member people person; replace successor follow;
award medal prize; unlock open; holiday vacation leave absence; advance ahead beforehand; phone telephone call;
car vehicle; picture image photo; mistake error fault; aim goal purpose; allow permit; choose select elect;
change alter modify; deliver supply; road street lane; food meal; contract agreement; result outcome;
method approach technique way; benefit advantage; limit limitation drawback disadvantage;
study research survey trial experiment; secret secrecy confidence confidential; gather meet; destroy ruin;
员工 职工 雇员 人员; 创办 创立 成立 创建 建立 设立 建于 建成 建造;
负责 主持 牵头 领导 分管 管理 掌管 保管 组长; 花费 费用 花了 价格 价钱 经费 支出 金额;
购买 购置 购入 新购 采购; 开始 启动 起始 施行; 结束 完成 截止; 搬到 迁入 迁往 搬迁; 赔偿 赔付 补偿 索赔;
处罚 处分 罚款 惩罚; 受伤 负伤; 损坏 烧毁 烧坏 损毁 报废; 出版 发布 印出; 死亡 去世 遇难;
计划 打算 预定 准备 预计; 禁止 不得 不许 不准; 困难 最难 麻烦; 检查 检验 检测 核对; 捐款 捐赠 捐献;
查询 查阅 检索 查找; 失败 失灵 故障; 启动 发动 开动; 公司 企业 单位; 工资 薪水 收入; 起火 着火 火灾 火势;
升温 温度 室温; 年龄 岁数; 修理 维修 抢修 修复; 停止 终止; 更换 换成 换新 替换; 销毁 处理; 任命 担任 上任;
同意 批准 许可; 拒绝 驳回; 撰写 编写 执笔; 医治 治疗; 奖励 表彰 奖金; 第一 首次; 顾客 客户 读者; 长度 多长;
减少 下降 降低 降到; 增加 提高 上升; 时长 耗时 用时; 买 购; 剩 余; 钱 款; 教 授; 剩下 剩余 结余;
方法 办法 方式; 缺点 短处 不足; 优点 长处 好处; 取消 作罢; 逾期 过期; 手机 电话; 汽车 车辆; 地址 地点 位置;
孩子 儿童 少儿; 老师 教师; 错误 差错; 目的 目标; 结果 成果; 参加 参与 出席; 比例 占比; 面积 平方;
合同 协议 租约;
怀孕 孕期 孕妇; 裁掉 裁员 解雇 辞退 开除 解除; 签 签订 签署 签字; 牌子 品牌; 担任 出任; 怪味 异味; 生产 制造;
面积 多大
"""
